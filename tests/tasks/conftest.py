from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks import wakeups
from tests.tasks.jobs import worker

__all__ = ["worker"]


@pytest.fixture(autouse=True)
def wakened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The broker is the outside world: the kinds it was asked to wake."""
    kinds: list[str] = []
    monkeypatch.setattr(wakeups, "wake", kinds.append)
    monkeypatch.setattr(wakeups, "announce", lambda job: None)
    yield kinds
