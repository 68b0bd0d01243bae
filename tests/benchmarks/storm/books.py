"""Books of storms that never were: short histories, good and bad."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.storm.account import Answer, Books, Row
from benchmarks.storm.history import Change, History, Kill, Met

FINE = ("", "queued", "running", "succeeded")
CONVICTED = ("", "queued", *("running", "queued") * 2, "running", "failed")


def changes(job: str, *states: str, begun: float = 0.0, pid: int = 7) -> list[Change]:
    """A history by its states, one a second; the first is "" for a row that is made."""
    return [Change(job, old, new, "fakes", pid, begun + at) for at, (old, new) in enumerate(zip(states, states[1:], strict=False))]


def row(job: str, **other: Any) -> Row:
    return replace(Row(job, "echo", "succeeded", "", attempts=1, crashes=0, losses=0), **other)


def poison(job: str, **other: Any) -> Row:
    return replace(Row(job, "die", "failed", "worker_crashed", attempts=3, crashes=3, losses=0), **other)


def books(*histories: list[Change], rows: list[Row] | None = None, **other: Any) -> Books:
    """Without `rows` each history is that of a job which succeeded; each row was accepted, and its client read its state."""
    rows = [row(history[0].job) for history in histories] if rows is None else rows
    facts: dict[str, Any] = {
        "planned": len(rows),
        "answers": [Answer(found.id, found.state) for found in rows],
        "rows": {found.id: found for found in rows},
        "history": History([change for history in histories for change in history]),
        "met": [],
        "kills_planned": 0,
    }
    return Books(**(facts | other))


def kill(victim: str, at: float = 10.0, **other: Any) -> Kill:
    return replace(Kill(victim, "fakes", at, pids=[7], child=7), **other)


def hit(victim: str, job: str) -> Met:
    return Met(kill(victim), recovery=1.0, hit=job)
