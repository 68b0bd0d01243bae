from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from fitsize.models import User
from tasks import estimates
from tasks.models import Job, State, Worker, WorkerState
from tests.tasks.jobs import ME, claimed, submit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_paces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "paces", estimates.Paces())


def ended_in(owner: User, seconds: float, units: float = 1.0, operation: str = "echo") -> None:
    job = claimed(owner, operation)
    job.end(State.SUCCEEDED, result={})
    now = timezone.now()
    Job.objects.filter(pk=job.pk).update(units=units, started_at=now - timedelta(seconds=seconds), finished_at=now)


def worker(name: str = "fakes@here") -> None:
    Worker.objects.create(life=name, name=name, kind="fakes", pid=1, state=WorkerState.READY)


def eta(client: Client, job: Job) -> list[float] | None:
    found: list[float] | None = client.get(f"/api/v1/jobs/{job.pk}").json()["eta_seconds"]
    return found


def test_what_the_last_jobs_took_is_the_range_for_the_next(client: Client, owner: User) -> None:
    worker()
    for seconds in (1, 2, 3, 4, 5, 6, 7, 8, 9):
        ended_in(owner, seconds)
    assert eta(client, submit(owner)) == pytest.approx([2 * 3, 2 * 8.2], abs=0.2)


def test_more_workers_make_the_wait_shorter_and_not_the_job(client: Client, owner: User) -> None:
    for _ in range(6):
        ended_in(owner, 4)
    worker()
    worker("fakes-2@here")
    assert eta(client, submit(owner)) == [6.0, 6.0]


def test_a_long_recording_takes_longer(client: Client, owner: User) -> None:
    worker()
    for _ in range(6):
        ended_in(owner, 10, units=100, operation="sleep")
    job = submit(owner, "sleep")
    Job.objects.filter(pk=job.pk).update(units=1000)
    assert eta(client, job) == [110.0, 110.0]


def test_a_running_job_has_what_is_left_and_never_less_than_nothing(client: Client, owner: User) -> None:
    worker()
    for _ in range(6):
        ended_in(owner, 10)
    job = claimed(owner)
    for past, left in ((4, 6.0), (20, 0.0)):
        Job.objects.filter(pk=job.pk).update(started_at=timezone.now() - timedelta(seconds=past))
        assert eta(client, job) == pytest.approx([left, left], abs=0.3)


def test_nobody_knows_without_workers_or_with_too_few_ended_jobs_or_after_the_end(client: Client, owner: User) -> None:
    job = submit(owner)
    assert eta(client, job) is None
    for _ in range(6):
        ended_in(owner, 1)  # the first of them is that job
    estimates.paces.seen.clear()
    assert eta(client, submit(owner)) is None
    worker()
    assert eta(client, job) is None


def test_the_pace_is_looked_at_once_in_a_while(client: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []

    def look(kind: str) -> estimates.Pace:
        looks.append(kind)
        return estimates.Pace()

    monkeypatch.setattr(estimates, "pace_of", look)
    for _ in range(3):
        eta(client, submit(owner))
    assert looks == ["fakes"]
    assert Job.objects.claim("fakes", ME) is not None
