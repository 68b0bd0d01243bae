"""Kills that race what they are meant for. On SQLite alone: what a database decides here, tests/tasks shows on both."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack
from tests.worker.gates import living, pids

pytestmark = pytest.mark.slow
CANCEL_SECONDS = 3.0  # what an impatient client may expect; the machine may be busy, so the best of a few counts
MOMENTS = (0.0, 0.2, 0.4, 0.6)  # seconds by which a native call outlasts the earliest kill


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


def unended(stack: Stack, job: dict[str, Any]) -> bool:
    return stack.job(job)["state"] in ("queued", "running")


def seconds_to_cancel(stack: Stack) -> float:
    job = stack.submit("freeze")
    stack.running(job)
    started = time.monotonic()
    stack.http.post(job["links"]["cancel"])
    assert stack.ended(job)["state"] == "canceled"
    return time.monotonic() - started


def test_a_native_call_is_canceled_within_three_seconds(stack: Stack) -> None:
    assert any(seconds_to_cancel(stack) < CANCEL_SECONDS for _ in range(5))


def test_a_deadline_is_told_only_when_the_process_is_gone_and_starts_no_second_run(stack: Stack, tmp_path: Path) -> None:
    job = stack.submit("hang", marker=str(tmp_path / "runs"))
    while unended(stack, job):
        assert len(pids(tmp_path / "runs")) <= 1
    runs = pids(tmp_path / "runs")
    assert (len(runs), living(runs)) == (1, [])


def test_of_a_job_that_is_killed_and_run_again_never_two_runs_live_at_once(stack: Stack, tmp_path: Path) -> None:
    job, most = stack.submit("eat", marker=str(tmp_path / "runs")), 0
    while unended(stack, job):
        most = max(most, len(living(pids(tmp_path / "runs"))))
    assert (most, len(pids(tmp_path / "runs"))) == (1, 3)


def test_a_deadline_that_races_a_childs_next_claim_hits_its_own_job_or_nobody(stack: Stack) -> None:
    overdue, next_ones = [], []
    for moment in MOMENTS:
        overdue.append(stack.submit("hang", seconds=2.0 + moment))
        next_ones.append(stack.submit("echo"))
    assert {stack.ended(job)["state"] for job in next_ones} == {"succeeded"}
    assert {stack.ended(job)["state"] for job in overdue} <= {"succeeded", "failed"}
    assert {stack.charges(job) for job in [*overdue, *next_ones]} == {(1, 0, 0)}


def test_a_cancel_that_races_a_childs_next_claim_hits_its_own_job_or_nobody(stack: Stack) -> None:
    for moment in MOMENTS:
        unwanted, next_one = stack.submit("freeze", seconds=1.0 + moment), stack.submit("echo")
        stack.running(unwanted)
        stack.http.post(unwanted["links"]["cancel"])
        assert (stack.ended(unwanted)["state"], stack.ended(next_one)["state"]) == ("canceled", "succeeded")
        assert (stack.charges(unwanted), stack.charges(next_one)) == ((1, 0, 0), (1, 0, 0))
