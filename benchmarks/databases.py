"""The databases that a program can be told to run on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.postgres import private_postgres

DATABASES = ("sqlite", "postgresql")


@contextmanager
def database_url(name: str) -> Iterator[str]:
    """A fresh database of this name; SQLite, in the stack's folder, needs no URL. Raises Unavailable."""
    if name == "sqlite":
        yield ""
        return
    with private_postgres() as server:
        yield server.url
