"""Whole workers that are killed, frozen or exchanged, with a second worker beside them. On SQLite alone: no statement is special here."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import Stack, eventually
from tests.worker.gates import Gate, living

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), environment={"WORKER_DEAD_AFTER_SECONDS": "6"}) as stack:
        yield stack


@pytest.fixture
def one(running: Stack) -> Stack:
    running.only("fakes")
    return running


@pytest.fixture
def two(running: Stack) -> Stack:
    running.only("fakes", "fakes-2")
    return running


def test_the_job_of_a_killed_worker_is_run_when_it_is_restarted_under_its_name(one: Stack, tmp_path: Path) -> None:
    gate = Gate(one, tmp_path)
    one.kill_family("fakes")
    one.start_worker("fakes")
    gate.runs(2)
    gate.open()
    assert gate.ended()["state"] == "succeeded"
    assert one.charges(gate.job) == (2, 0, 1)


def test_the_job_of_a_killed_worker_is_run_by_one_that_is_started_under_another_name(one: Stack, tmp_path: Path) -> None:
    gate = Gate(one, tmp_path)
    one.kill_family("fakes")
    one.start_worker("fakes-3")
    gate.runs(2)
    gate.open()
    assert gate.ended()["state"] == "succeeded"
    assert (one.holder(gate.job), one.charges(gate.job)) == ("fakes-3", (2, 0, 1))


def test_the_job_of_a_killed_worker_that_never_comes_back_is_run_by_another(two: Stack, tmp_path: Path) -> None:
    gate = Gate(two, tmp_path)
    killed = two.holder(gate.job)
    two.kill_family(killed)
    gate.runs(2)
    gate.open()
    assert gate.ended()["state"] == "succeeded"
    assert two.holder(gate.job) != killed
    assert two.charges(gate.job) == (2, 0, 1)


def test_a_child_does_not_outlive_its_parent(one: Stack) -> None:
    """Not even in native code: it would run on beside its successor, and hold the model's memory."""
    job = one.submit("freeze", seconds=60)
    one.running(job)
    child = one.child_of("fakes")
    one.kill("fakes")
    eventually(lambda: not living([child]), 10)
    one.start_worker("fakes")
    eventually(lambda: one.charges(job) == (2, 0, 1))
    one.http.post(job["links"]["cancel"])
    assert one.ended(job)["state"] == "canceled"


def test_a_frozen_workers_job_is_run_by_another_its_late_write_changes_nothing_and_it_works_again(two: Stack, tmp_path: Path) -> None:
    gate = Gate(two, tmp_path)
    frozen = two.holder(gate.job)
    two.freeze(frozen)
    _, second = gate.runs(2)
    gate.open()
    ended, row = gate.ended(), two.row(gate.job, "*")
    assert (ended["state"], ended["result"]) == ("succeeded", {"pid": second})
    two.thaw(frozen)
    eventually(lambda: f"event=refused job={gate.job['id']}" in two.log(frozen))
    assert two.row(gate.job, "*") == row
    assert (two.holder(gate.job) != frozen, two.charges(gate.job)) == (True, (2, 0, 1))
    two.only(frozen)
    assert two.ended(two.submit("echo"))["state"] == "succeeded"


def test_a_frozen_childs_job_ends_at_its_deadline(one: Stack, tmp_path: Path) -> None:
    gate = Gate(one, tmp_path, "narrow_gate")
    os.kill(one.child_of("fakes"), signal.SIGSTOP)
    ended = gate.ended()
    assert (ended["state"], ended["error"]["code"], len(gate.pids())) == ("failed", "timeout", 1)


def test_a_rolling_restart_under_load_fails_no_job_and_charges_none(two: Stack) -> None:
    jobs = []
    for name in ("fakes", "fakes-2"):
        jobs += [two.submit("sleep", seconds=0.1) for _ in range(15)]
        two.end(name)
        jobs += [two.submit("sleep", seconds=0.1) for _ in range(5)]
        two.start_worker(name)
        two.only("fakes", "fakes-2")
    assert {two.ended(job)["state"] for job in jobs} == {"succeeded"}
    assert {two.charges(job) for job in jobs} == {(1, 0, 0)}
