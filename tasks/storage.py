"""File storage whose files survive a power cut."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage


class DurableStorage(FileSystemStorage):
    """Django's folder storage; a saved file and its name, folders included, are on the disk before `save` returns."""

    def _save(self, name: str, content: File[Any]) -> str:
        folder = os.path.dirname(self.path(name))
        named_in = [folder, *(os.path.dirname(new) for new in not_there(folder))]
        saved: str = super()._save(name, content)  # type: ignore[misc]  # Django's hook for storages, missing in its stubs
        for path in (self.path(saved), *named_in):
            sync(path)
        return saved


def not_there(folder: str) -> Iterator[str]:
    """This folder and those above it, as far as they do not exist."""
    while not os.path.exists(folder):
        yield folder
        folder = os.path.dirname(folder)


def sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
