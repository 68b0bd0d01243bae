from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import Phase
from hypothesis import settings as profile

from fitsize.models import ApiKey, User
from tasks.kinds import kinds

# The same examples each time. New ones: `pytest --hypothesis-profile=campaign tests/tasks/test_protocol.py`; `campaign-hunt` does not make
# what it finds smaller.
profile.register_profile("house", max_examples=50, stateful_step_count=40, deadline=None, derandomize=True)
profile.register_profile("campaign", max_examples=3000, stateful_step_count=60, deadline=None, derandomize=False, print_blob=True)
profile.register_profile("campaign-hunt", profile.get_profile("campaign"), phases=[Phase.generate])
profile.register_profile("brief", profile.get_profile("house"), max_examples=10)
profile.load_profile("house")


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path) -> Path:
    """Files of one test lie in folders of its own: stored ones, uploads, locks. Another test may run at the same time."""
    for name, folder in {"MEDIA_ROOT": "files", "FILE_UPLOAD_TEMP_DIR": "incoming", "RUN_FOLDER": "run", "FACE_VAULT": "vault"}.items():
        (tmp_path / folder).mkdir()
        setattr(settings, name, tmp_path / folder)
    return tmp_path / "files"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """After the shuffle, files with slow tests go first: of two processes that share the files, neither is left alone with a long one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


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
