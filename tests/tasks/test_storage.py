"""What is saved is on the disk before anybody is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from tasks import storage
from tasks.storage import DurableStorage


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    paths: list[str] = []
    monkeypatch.setattr(storage, "sync", paths.append)
    return paths


def test_the_file_and_each_folder_that_got_a_new_name_are_synced(tmp_path: Path, synced: list[str]) -> None:
    DurableStorage(tmp_path).save("saved/job/lease/file", ContentFile(b"x"))
    folders = ["saved/job/lease", "saved/job", "saved", ""]
    assert synced == [str(tmp_path / "saved/job/lease/file"), *(str(tmp_path / folder) for folder in folders)]


def test_where_the_folders_are_there_only_the_last_is_synced(tmp_path: Path, synced: list[str]) -> None:
    durable = DurableStorage(tmp_path)
    durable.save("inputs/ab/first", ContentFile(b"x"))
    synced.clear()
    durable.save("inputs/ab/second", ContentFile(b"x"))
    assert synced == [str(tmp_path / "inputs/ab/second"), str(tmp_path / "inputs/ab")]
