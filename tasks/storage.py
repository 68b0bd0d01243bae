"""File storage whose files survive a power cut."""

from __future__ import annotations

import os
from typing import Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage


class DurableStorage(FileSystemStorage):
    """Django's folder storage; a saved file and its name are on the disk before `save` returns."""

    def _save(self, name: str, content: File[Any]) -> str:
        saved: str = super()._save(name, content)  # type: ignore[misc]  # Django's hook for storages, missing in its stubs
        path = self.path(saved)
        sync(path)
        sync(os.path.dirname(path))
        return saved


def sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
