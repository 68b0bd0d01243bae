"""A worker's child does not wait for the disk when inputs go."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from tasks.models import files
from tests.stack import eventually


def test_files_go_beside_the_work_one_after_another(own_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "discarder", None)
    names = [default_storage.save(f"inputs/ab/{number}", ContentFile(b"x")) for number in range(3)]
    files.discard_beside_work()
    files.discard([*names[:2], "inputs/ab/never there"])
    files.discard(names[2:])
    eventually(lambda: not any(default_storage.exists(name) for name in names), 10)


def test_elsewhere_they_are_gone_at_once(own_files: Path) -> None:
    name = default_storage.save("inputs/ab/0", ContentFile(b"x"))
    files.discard([name])
    assert not default_storage.exists(name)
