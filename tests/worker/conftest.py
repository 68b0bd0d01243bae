from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres, Unavailable, private_postgres
from tests.stack import Stack


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    try:
        with private_postgres() as server:
            yield server
    except Unavailable as reason:
        pytest.skip(f"on PostgreSQL: {reason}")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return ""
    server: Postgres = request.getfixturevalue("postgres")
    return server.url


@pytest.fixture(scope="module")
def stack(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder: Path = tmp_path_factory.mktemp("stack")
    with Stack(folder, database_url) as running:
        yield running
