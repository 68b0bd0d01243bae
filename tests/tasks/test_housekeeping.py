from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import F
from django.utils import timezone

from fitsize.models import User
from tasks.housekeeping import Housekeeping
from tasks.models import Job, State, Worker
from tasks.transitions import WAITING
from tests.tasks.jobs import claimed, fresh, submit

pytestmark = pytest.mark.django_db


class Clock:
    """Seconds that pass only when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def locked() -> None:
    raise OperationalError("database is locked")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def housekeeping(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Housekeeping:
    monkeypatch.setattr("tasks.housekeeping.close_old_connections", lambda: None)
    return Housekeeping(clock)


def tick(housekeeping: Housekeeping, clock: Clock, seconds: float = 2.0) -> None:
    clock.now += seconds
    housekeeping.tick()


def ticks(housekeeping: Housekeeping, clock: Clock, seconds: float) -> None:
    """Regular ticks for so long."""
    for _ in range(int(seconds / 2)):
        tick(housekeeping, clock)


def alive() -> Worker:
    return Worker.objects.create(life="my-life", name="fakes@here", kind="fakes", pid=1)


def beat(worker: Worker) -> None:
    Worker.objects.filter(pk=worker.pk).update(seen_at=timezone.now())


def jump(hours: int) -> None:
    """The database's clock from now on: what was written before looks so much older."""
    earlier = timedelta(hours=hours)
    Job.objects.filter(state=State.RUNNING).update(started_at=F("started_at") - earlier)
    Worker.objects.update(seen_at=F("seen_at") - earlier)


def test_a_job_of_a_worker_that_beats_is_left_alone(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    worker, job = alive(), claimed(owner)
    for _ in range(4):
        beat(worker)
        ticks(housekeeping, clock, seconds=20)
    assert fresh(job).state == State.RUNNING


@pytest.mark.parametrize("has_row", [True, False])
def test_a_job_of_a_worker_that_does_not_beat_for_half_a_minute_is_released_as_a_loss(
    owner: User, housekeeping: Housekeeping, clock: Clock, has_row: bool
) -> None:
    if has_row:
        alive()
    job = claimed(owner)
    ticks(housekeeping, clock, seconds=32)  # the first of them sees the beat for the first time
    assert fresh(job).state == State.RUNNING
    ticks(housekeeping, clock, seconds=2)
    row = fresh(job)
    assert (row.state, row.losses, row.crashes) == (State.QUEUED, 1, 0)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_convicts_nobody(owner: User, housekeeping: Housekeeping, clock: Clock, hours: int) -> None:
    worker, job = alive(), claimed(owner)
    ticks(housekeeping, clock, seconds=10)
    jump(hours)
    ticks(housekeeping, clock, seconds=20)
    beat(worker)
    ticks(housekeeping, clock, seconds=20)
    assert (fresh(job).state, fresh(job).losses) == (State.RUNNING, 0)


def test_after_a_gap_the_looks_begin_anew(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    job = claimed(owner)
    ticks(housekeeping, clock, seconds=20)
    clock.now += 3600
    ticks(housekeeping, clock, seconds=20)
    assert fresh(job).state == State.RUNNING


def test_after_a_database_that_was_locked_the_looks_begin_anew(
    owner: User, housekeeping: Housekeeping, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever could not beat meanwhile is given the time to do so."""
    job = claimed(owner)
    ticks(housekeeping, clock, seconds=20)
    with monkeypatch.context() as patch:
        patch.setattr(housekeeping, "wake_kinds", locked)
        tick(housekeeping, clock)
    ticks(housekeeping, clock, seconds=20)
    assert fresh(job).state == State.RUNNING


def test_an_expired_lease_is_released_though_its_worker_lives(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    worker, job = alive(), claimed(owner)
    for _ in range(5):  # 60 s for the job, 30 s on top
        beat(worker)
        ticks(housekeeping, clock, seconds=18)
    assert fresh(job).state == State.RUNNING
    beat(worker)
    ticks(housekeeping, clock, seconds=4)
    assert fresh(job).state == State.QUEUED


def test_the_tenth_loss_ends_a_job(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    job = claimed(owner)
    Job.objects.filter(pk=job.pk).update(losses=9)
    ticks(housekeeping, clock, seconds=34)
    error = fresh(job).error
    assert error is not None
    assert (fresh(job).state, error["code"], error["retryable"]) == (State.FAILED, "worker_lost", True)


def test_each_kind_with_queued_rows_gets_its_wake_up(owner: User, housekeeping: Housekeeping, clock: Clock, wakened: list[str]) -> None:
    submit(owner)
    submit(owner)
    tick(housekeeping, clock)
    assert wakened == ["fakes"]


def test_a_step_that_fails_does_not_stop_the_others(
    owner: User, housekeeping: Housekeeping, clock: Clock, wakened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "lost_jobs", locked)
    submit(owner)
    tick(housekeeping, clock)
    assert wakened == ["fakes"]


def test_a_row_of_a_kind_that_is_gone_stops_nothing(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    gone, lost = claimed(owner), claimed(owner)
    Job.objects.filter(pk=gone.pk).update(kind="gone")
    ticks(housekeeping, clock, seconds=34)
    assert fresh(lost).state == State.QUEUED


def test_what_a_killed_web_process_was_receiving_is_swept(housekeeping: Housekeeping, clock: Clock, settings: Any, tmp_path: Path) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    for name, age in {"old": 7200, "young": 0}.items():
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    tick(housekeeping, clock)
    assert {"old", "young"} & {path.name for path in tmp_path.iterdir()} == {"young"}


def test_a_worker_that_was_asked_to_end_and_was_killed_charges_nobody(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    alive()
    Worker.objects.update(state="stopping")
    job = claimed(owner)
    ticks(housekeeping, clock, seconds=34)
    assert (fresh(job).state, fresh(job).losses) == (State.QUEUED, 0)


def test_a_job_that_should_have_started_by_now_expires(owner: User, housekeeping: Housekeeping, clock: Clock, wakened: list[str]) -> None:
    job = submit(owner, expires_in=-1)
    tick(housekeeping, clock)
    assert (fresh(job).state, fresh(job).finished_at is not None, wakened) == (State.EXPIRED, True, [])


def test_retention_is_looked_at_once_a_minute(
    owner: User, housekeeping: Housekeeping, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    monkeypatch.setattr("tasks.retention.STEPS", [lambda: bool(looks.append(clock.now))])  # type: ignore[func-returns-value]
    for _ in range(40):
        tick(housekeeping, clock)
    assert looks == [2.0, 62.0]


def test_retention_goes_on_until_nothing_is_left_but_not_longer_than_its_share_of_a_tick(
    owner: User, housekeeping: Housekeeping, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = list(range(30))
    monkeypatch.setattr("tasks.retention.STEPS", [lambda: bool(left) and left.pop() > 0])
    tick(housekeeping, clock)
    assert 0 < len(left) < 30
    ticks(housekeeping, clock, seconds=20)
    assert left == []


def test_a_step_of_retention_that_fails_keeps_no_other_from_its_work(
    owner: User, housekeeping: Housekeeping, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    monkeypatch.setattr("tasks.retention.STEPS", [locked, lambda: bool(looks.append(clock.now))])  # type: ignore[func-returns-value]
    ticks(housekeeping, clock, seconds=4)
    assert looks == [4.0]


def test_two_copies_release_a_lost_job_once(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    job, copy = claimed(owner), Housekeeping(clock)
    for _ in range(34):
        tick(housekeeping, clock, 0.5)
        tick(copy, clock, 0.5)
    assert (fresh(job).state, fresh(job).losses) == (State.QUEUED, 1)


def test_a_kind_without_jobs_is_seen_at_once_beside_a_long_queue_of_another(owner: User) -> None:
    for _ in range(40):
        submit(owner)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_job")  # now the database knows that nearly every job waits
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' * (connection.vendor == 'sqlite')}{WAITING}", {"kind": "faces"})
        plan = " ".join(str(row[-1]) for row in cursor.fetchall())
    assert connection.vendor != "sqlite" or "SEARCH tasks_job USING INDEX job_queued" in plan, plan
    assert not Job.objects.waiting("faces")
    assert Job.objects.waiting("fakes")
