from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import OperationalError
from django.utils import timezone

from fitsize.models import User
from tasks.housekeeping import Housekeeping
from tasks.models import Input, Job, State, Worker
from tests.tasks.jobs import claimed, fresh, submit

pytestmark = pytest.mark.django_db


class Clock:
    """Seconds that pass only when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


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


def alive(seen_seconds_ago: float = 0.0) -> Worker:
    seen = timezone.now() - timedelta(seconds=seen_seconds_ago)
    return Worker.objects.create(life="my-life", name="fakes@here", kind="fakes", pid=1, seen_at=seen)


def test_a_job_of_a_living_worker_is_left_alone(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    alive()
    job = claimed(owner)
    for _ in range(3):
        tick(housekeeping, clock)
    assert fresh(job).state == State.RUNNING


def test_a_job_of_a_worker_not_seen_is_released_on_the_second_look_as_a_loss(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    alive(seen_seconds_ago=60)
    job = claimed(owner)
    tick(housekeeping, clock)
    tick(housekeeping, clock)
    row = fresh(job)
    assert (row.state, row.losses, row.crashes) == (State.QUEUED, 1, 0)


def test_one_look_convicts_nobody(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    job = claimed(owner)
    tick(housekeeping, clock)
    assert fresh(job).state == State.RUNNING


def test_after_a_gap_the_looks_begin_anew(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    job = claimed(owner)
    tick(housekeeping, clock)
    tick(housekeeping, clock, seconds=3600)
    assert fresh(job).state == State.RUNNING


def test_a_worker_that_beats_between_the_looks_is_acquitted(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    worker = alive(seen_seconds_ago=60)
    job = claimed(owner)
    tick(housekeeping, clock)
    Worker.objects.filter(pk=worker.pk).update(seen_at=timezone.now())
    tick(housekeeping, clock)
    assert fresh(job).state == State.RUNNING


def test_an_expired_lease_is_released_though_its_worker_lives(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    alive()
    job = claimed(owner)
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    tick(housekeeping, clock)
    tick(housekeeping, clock)
    assert fresh(job).state == State.QUEUED


def test_the_tenth_loss_ends_a_job(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    job = claimed(owner)
    Job.objects.filter(pk=job.pk).update(losses=9)
    tick(housekeeping, clock)
    tick(housekeeping, clock)
    error = fresh(job).error
    assert error is not None
    assert (fresh(job).state, error["code"], error["retryable"]) == (State.FAILED, "worker_lost", True)


def test_each_kind_with_queued_rows_gets_its_wake_up(owner: User, housekeeping: Housekeeping, clock: Clock, wakened: list[str]) -> None:
    submit(owner)
    submit(owner)
    tick(housekeeping, clock)
    assert wakened == ["fakes"]


def test_an_input_that_never_became_part_of_a_job_is_swept(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    facts = {"owner": owner, "role": "image", "content_type": "image/png", "size": 1, "sha256": ""}
    old = Input.objects.create(file=default_storage.save("old", ContentFile(b"x")), **facts)
    Input.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(hours=2))
    young = Input.objects.create(file=default_storage.save("young", ContentFile(b"x")), **facts)
    tick(housekeeping, clock)
    assert [row.pk for row in Input.objects.all()] == [young.pk]
    assert not default_storage.exists("old")
    assert default_storage.exists("young")


def test_a_step_that_fails_does_not_stop_the_others(
    owner: User, housekeeping: Housekeeping, clock: Clock, wakened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked() -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(housekeeping, "lost_jobs", locked)
    submit(owner)
    tick(housekeeping, clock)
    assert wakened == ["fakes"]


def test_a_row_of_a_kind_that_is_gone_stops_nothing(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    gone, lost = claimed(owner), claimed(owner)
    Job.objects.filter(pk=gone.pk).update(kind="gone")
    tick(housekeeping, clock)
    tick(housekeeping, clock)
    assert fresh(lost).state == State.QUEUED


def test_what_a_killed_web_process_was_receiving_is_swept(housekeeping: Housekeeping, clock: Clock, settings: Any, tmp_path: Path) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    for name, age in {"old": 7200, "young": 0}.items():
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    tick(housekeeping, clock)
    assert {"old", "young"} & {path.name for path in tmp_path.iterdir()} == {"young"}


def test_a_worker_that_was_asked_to_end_and_was_killed_charges_nobody(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    worker = alive(seen_seconds_ago=60)
    Worker.objects.filter(pk=worker.pk).update(state="stopping")
    job = claimed(owner)
    tick(housekeeping, clock)
    tick(housekeeping, clock)
    assert (fresh(job).state, fresh(job).losses) == (State.QUEUED, 0)


def test_a_job_that_should_have_started_by_now_expires(owner: User, housekeeping: Housekeeping, clock: Clock, wakened: list[str]) -> None:
    job = submit(owner, expires_in=-1)
    tick(housekeeping, clock)
    assert (fresh(job).state, fresh(job).finished_at is not None, wakened) == (State.EXPIRED, True, [])


def test_retention_is_looked_at_once_a_minute(
    owner: User, housekeeping: Housekeeping, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    monkeypatch.setattr("tasks.retention.STEPS", [lambda: looks.append(clock.now)])
    for _ in range(40):
        tick(housekeeping, clock)
    assert looks == [2.0, 62.0]


def test_two_copies_release_a_lost_job_once(owner: User, housekeeping: Housekeeping, clock: Clock) -> None:
    job, copy = claimed(owner), Housekeeping(clock)
    for _ in range(2):
        tick(housekeeping, clock, 1.0)
        tick(copy, clock, 1.0)
    assert (fresh(job).state, fresh(job).losses) == (State.QUEUED, 1)
