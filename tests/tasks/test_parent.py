"""What a worker's parent decides, without processes: who is a child is told by the test."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.db import OperationalError

from fitsize.models import User
from tasks import wakeups
from tasks.models import Claimant, Job, State, Stopping, Worker, WorkerState
from tasks.worker import parent as module
from tasks.worker.child import this_child
from tasks.worker.parent import Parent
from tests.tasks.jobs import claimed, fresh

pytestmark = pytest.mark.django_db
PID = 4321
MINE = Claimant(worker="fakes@here", life="my-life", pid=PID, fresh=True)


class Kernel:
    """Which pids live, and what was done to them."""

    def __init__(self) -> None:
        self.alive = {PID}
        self.killed: list[int] = []
        self.oom_kills = 7

    def is_child(self, pid: int) -> bool:
        return pid in self.alive

    def kill(self, pid: int, number: int) -> None:
        self.killed.append(pid)
        self.alive.discard(pid)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    found = Kernel()
    monkeypatch.setattr(module, "is_child", found.is_child)
    monkeypatch.setattr(module.os, "kill", found.kill)  # type: ignore[attr-defined]  # the module's own os
    monkeypatch.setattr(module, "resident_bytes", lambda pid: 0)
    monkeypatch.setattr(module, "oom_kills", lambda counter: found.oom_kills)
    return found


@pytest.fixture
def parent(monkeypatch: pytest.MonkeyPatch, kernel: Kernel) -> Parent:
    monkeypatch.setattr("tasks.worker.parent.connections.close_all", lambda: None)
    monkeypatch.setattr(this_child, "life", "my-life")
    monkeypatch.setattr(this_child, "name", "fakes@here")
    this_child.shared.load_seconds = 5.0
    this_child.shared.pid = PID
    this_child.shared.state = WorkerState.LOADING
    return Parent("fakes")


def test_a_deadline_is_measured_from_the_tick_that_first_saw_the_lease(owner: User, parent: Parent, kernel: Kernel) -> None:
    job = claimed(owner, claimant=MINE)
    parent.look(now=1000.0)
    parent.look(now=1059.0)
    assert kernel.killed == []
    parent.look(now=1061.0)
    assert kernel.killed == [PID]
    error = fresh(job).error
    assert error is not None
    assert (fresh(job).state, error["code"]) == (State.FAILED, "timeout")


def test_the_lease_is_taken_away_before_the_kill(owner: User, parent: Parent, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    job = claimed(owner, claimant=MINE)
    leases: list[str | None] = []
    monkeypatch.setattr(module.os, "kill", lambda pid, number: leases.append(fresh(job).lease))  # type: ignore[attr-defined]  # as above
    parent.look(now=0.0)
    parent.look(now=61.0)
    assert leases != [job.lease]
    assert job.end(State.SUCCEEDED, result={"late": True}) is None
    assert fresh(job).state == State.RUNNING  # its process lives on: it ends once that is gone


def test_a_child_that_has_gone_on_is_left_alone(owner: User, parent: Parent, kernel: Kernel) -> None:
    job = claimed(owner, claimant=MINE)
    rows = [fresh(job)]
    job.end(State.SUCCEEDED, result={})
    parent.stop_overdue(rows, now=0.0)
    parent.stop_overdue(rows, now=100.0)
    assert kernel.killed == []


def test_a_job_hit_by_a_kill_that_was_meant_for_another_gets_its_attempt_back(owner: User, parent: Parent, kernel: Kernel) -> None:
    overdue = claimed(owner, claimant=MINE)
    parent.look(now=0.0)
    parent.stop(fresh(overdue), Stopping.TIMEOUT)
    innocent = claimed(owner, claimant=MINE)  # claimed by the same child in the moment before it died
    parent.look(now=1.0)
    row = fresh(innocent)
    assert (row.state, row.attempts, row.crashes, row.losses) == (State.QUEUED, 0, 0, 0)


def test_a_cancel_kills_after_a_moment_of_grace(owner: User, parent: Parent, kernel: Kernel) -> None:
    job = claimed(owner, claimant=MINE)
    fresh(job).cancel()
    parent.look(now=0.0)
    parent.look(now=0.9)
    assert kernel.killed == []
    parent.look(now=1.1)
    assert (kernel.killed, fresh(job).state) == ([PID], State.CANCELED)


def test_a_cancel_near_the_deadline_lets_it_run_and_discards_the_result(owner: User, parent: Parent, kernel: Kernel) -> None:
    """Killing costs a load of the model: here 5 s, and only 4 are left."""
    job = claimed(owner, claimant=MINE)
    parent.look(now=0.0)
    fresh(job).cancel()
    parent.look(now=56.0)
    parent.look(now=58.0)
    assert kernel.killed == []
    assert job.end(State.SUCCEEDED, result={}) == State.CANCELED


def test_after_a_tick_that_could_not_read_there_is_no_verdict_for_a_while(
    owner: User, parent: Parent, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed(owner, claimant=MINE)
    parent.look(now=0.0)

    def locked(self: Parent, now: float) -> None:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(Parent, "look", locked)
        patch.setattr(module.time, "monotonic", lambda: 65.0)  # type: ignore[attr-defined]  # the module's own time
        parent.tick(beat=False)
    parent.look(now=70.0)
    assert kernel.killed == []
    parent.look(now=76.0)
    assert kernel.killed == [PID]


def test_a_child_above_its_memory_limit_is_killed_and_its_job_charged(
    owner: User, parent: Parent, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = claimed(owner, claimant=MINE)
    monkeypatch.setattr(module, "resident_bytes", lambda pid: 10**9)
    parent.look(now=0.0)
    assert (kernel.killed, fresh(job).state, fresh(job).crashes) == ([PID], State.QUEUED, 1)


def test_a_beat_makes_a_row_that_is_gone_again(parent: Parent) -> None:
    parent.beat(WorkerState.READY)
    Worker.objects.all().delete()
    parent.beat(WorkerState.READY)
    assert [(row.life, row.state) for row in Worker.objects.all()] == [("my-life", "ready")]


@pytest.fixture
def exits(parent: Parent, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """With which codes this worker ended itself; its child is ready, and messages wait all the time."""
    this_child.shared.state = WorkerState.READY
    monkeypatch.setattr(wakeups, "broker", SimpleNamespace(waits_for_sure=lambda kind: True))
    codes: list[int] = []
    monkeypatch.setattr(module.os, "_exit", codes.append)  # type: ignore[attr-defined]  # the module's own os
    return codes


def test_a_worker_that_hears_no_message_for_ten_seconds_ends(parent: Parent, exits: list[int]) -> None:
    parent.look(now=0.0)
    parent.look(now=9.0)
    assert exits == []
    parent.look(now=11.0)
    assert exits == [1]


def test_a_worker_that_hears_one_message_after_another_is_not_deaf_however_many_wait(parent: Parent, exits: list[int]) -> None:
    for now in range(30):
        this_child.shared.count_drain()
        parent.look(now=float(now))
    assert exits == []


def test_a_signal_that_a_locked_database_kept_from_being_used_is_not_forgotten(
    owner: User, parent: Parent, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = claimed(owner, claimant=MINE)
    kernel.alive.clear()
    parent.note("SIGABRT")

    def locked(life: str) -> None:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(Job.objects, "run_by", locked)
        parent.tick(beat=False)
    parent.look(now=0.0)
    assert (fresh(job).crashes, fresh(job).losses) == (1, 0)


@pytest.mark.parametrize(("rise", "crashes", "losses"), [(1, 1, 0), (0, 0, 1)])
def test_a_kill_that_nobody_ordered_is_a_crash_only_if_the_kernel_ran_out_of_memory(
    owner: User, parent: Parent, kernel: Kernel, rise: int, crashes: int, losses: int
) -> None:
    job = claimed(owner, claimant=MINE)
    parent.look(now=0.0)
    kernel.alive.clear()
    kernel.oom_kills += rise
    parent.note("SIGKILL")
    parent.look(now=0.5)
    assert (fresh(job).crashes, fresh(job).losses) == (crashes, losses)


def test_what_the_kernel_killed_before_a_claim_is_not_held_against_it(owner: User, parent: Parent, kernel: Kernel) -> None:
    kernel.oom_kills += 1
    parent.look(now=0.0)
    job = claimed(owner, claimant=MINE)
    parent.look(now=0.5)
    kernel.alive.clear()
    parent.note("SIGKILL")
    parent.look(now=1.0)
    assert (fresh(job).crashes, fresh(job).losses) == (0, 1)


def test_a_job_that_died_of_want_of_memory_before_it_was_seen_is_charged(owner: User, parent: Parent, kernel: Kernel) -> None:
    parent.look(now=0.0)
    job = claimed(owner, claimant=MINE)
    kernel.alive.clear()
    kernel.oom_kills += 1
    parent.note("SIGKILL")
    parent.look(now=0.5)
    assert fresh(job).crashes == 1


def test_a_worker_that_was_asked_to_end_says_so(parent: Parent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(this_child), "stopping", True)
    parent.tick(beat=False)
    assert Worker.objects.get().state == WorkerState.STOPPING


def test_a_job_that_a_large_child_has_gone_on_to_is_charged_with_nothing(
    owner: User, parent: Parent, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = claimed(owner, claimant=MINE)
    rows = [fresh(large)]
    large.end(State.SUCCEEDED, result={})
    innocent = claimed(owner, claimant=MINE)
    monkeypatch.setattr(module, "resident_bytes", lambda pid: 10**9)
    parent.watch_memory(rows)
    assert (kernel.killed, fresh(innocent).state) == ([], State.RUNNING)


def test_a_verdict_outlives_the_parent_that_reached_it(owner: User, parent: Parent, kernel: Kernel) -> None:
    job = claimed(owner, claimant=MINE)
    parent.stop(fresh(job), Stopping.TIMEOUT)
    fresh(job).lost("a restart of its worker", asked_to_end=False)
    assert fresh(job).state == State.FAILED
