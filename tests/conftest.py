from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from fitsize.models import ApiKey, User
from tasks.kinds import kinds


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path) -> Path:
    """Stored files of one test lie in a folder of its own."""
    folder = tmp_path / "files"
    folder.mkdir()
    settings.MEDIA_ROOT = folder
    return folder


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create(username="owner")


@pytest.fixture
def stranger(db: None) -> User:
    return User.objects.create(username="stranger")


def client_of(user: User, scopes: list[str] | None = None) -> Client:
    _, secret = ApiKey.objects.issue(user, "test", list(kinds()) if scopes is None else scopes)
    return Client(headers={"authorization": f"Bearer {secret}"})


@pytest.fixture
def client(owner: User) -> Client:
    return client_of(owner)
