"""A job that waits in `predict` until the test opens its gate, and remembers who ran it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psutil

from tests.stack import Stack, eventually


class Gate:
    def __init__(self, stack: Stack, folder: Path, operation: str = "gate") -> None:
        self.stack = stack
        self.marker = folder / os.urandom(4).hex()
        self.job = stack.submit(operation, marker=str(self.marker))
        self.runs(1)

    def pids(self) -> list[int]:
        return pids(self.marker)

    def runs(self, count: int) -> list[int]:
        """The pids of so many runs, as soon as there were so many."""
        found: list[int] = eventually(lambda: len(begun := self.pids()) == count and begun)
        return found

    def open(self) -> None:
        Path(f"{self.marker}.open").touch()

    def ended(self) -> dict[str, Any]:
        return self.stack.ended(self.job)


def pids(marker: Path) -> list[int]:
    """Of all runs that began, in their order."""
    return [int(line) for line in marker.read_text().split()] if marker.exists() else []


def living(family: list[int]) -> list[int]:
    """Those that run; a zombie does not."""
    return [pid for pid in set(family) if is_alive(pid)]


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
