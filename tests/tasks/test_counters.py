"""Every end is counted once, whatever becomes of its row and of the process that counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from fitsize.models import User
from tasks import retention
from tasks.deaths import Death
from tasks.errors import Code
from tasks.housekeeping import Housekeeping
from tasks.models import Claimant, Counter, Job, State
from tasks.models.counters import CONVICTIONS, CRASHES, ENDS, LATE_WRITES, LOSSES, RETRIES, RUNS, WAITS, Event
from tests.tasks.jobs import ME, claimed, fresh, submit

pytestmark = pytest.mark.django_db


@pytest.fixture
def housekeeping(monkeypatch: pytest.MonkeyPatch) -> Housekeeping:
    monkeypatch.setattr("tasks.housekeeping.close_old_connections", lambda: None)
    return Housekeeping()


def ends() -> dict[str, float]:
    """By state or, for a failure, by its code."""
    found: dict[str, float] = {}
    for state, code in [(state, "") for state in State] + [(State.FAILED, code) for code in Code]:
        value = Counter.objects.totals().get(ENDS.of(kind="fakes", operation="echo", state=str(state), code=str(code)))
        found |= {str(code or state): value} if value else {}
    return found


def times(event: Event) -> float:
    return Counter.objects.totals().get(event.of(kind="fakes", operation="echo"), 0.0)


def observed(name: str) -> float:
    return sum(value for (found, _), value in Counter.objects.totals().items() if found == f"{name}_bucket")


def seconds(name: str) -> float:
    return sum(value for (found, _), value in Counter.objects.totals().items() if found == f"{name}_sum")


def succeeded(owner: User) -> Job:
    job = claimed(owner)
    job.end(State.SUCCEEDED, result={})
    return job


def test_an_end_is_told_of_before_and_after_it_is_counted(owner: User) -> None:
    succeeded(owner)
    assert (ends(), Counter.objects.count()) == ({"succeeded": 1}, 0)
    assert Counter.objects.count_ends(10) == 1
    assert (ends(), Counter.objects.count_ends(10)) == ({"succeeded": 1}, 0)


def test_ends_are_counted_by_state_and_code(owner: User, housekeeping: Housekeeping) -> None:
    succeeded(owner)
    claimed(owner).fail(Code.NO_FACE, "")
    submit(owner).cancel()
    submit(owner, expires_in=-1).expire()
    for _ in range(2):
        assert ends() == {"succeeded": 1, "no_face": 1, "canceled": 1, "expired": 1}
        housekeeping.tick()


def test_what_never_ran_has_neither_waited_nor_run(owner: User) -> None:
    released = claimed(owner)
    released.release()
    fresh(released).cancel()
    submit(owner).cancel()
    assert (observed(WAITS.name), observed(RUNS.name)) == (0, 0)
    succeeded(owner)
    assert (observed(WAITS.name), observed(RUNS.name)) == (1, 1)


def test_a_job_that_was_retried_waits_from_then_on(owner: User) -> None:
    job = claimed(owner)
    job.fail(Code.INTERNAL_ERROR, "")
    Counter.objects.count_ends(10)
    Job.objects.update(created_at=timezone.now() - timedelta(days=1))
    fresh(job).retry()
    again = Job.objects.claim("fakes", ME)
    assert again is not None
    again.end(State.SUCCEEDED, result={})
    assert (observed(WAITS.name), seconds(WAITS.name) < 3600) == (2, True)


@pytest.mark.parametrize("counted", [False, True])
def test_an_end_before_a_retry_counts_once_and_the_next_one_again(owner: User, counted: bool) -> None:
    job = claimed(owner)
    job.fail(Code.INTERNAL_ERROR, "")
    if counted:
        Counter.objects.count_ends(10)
    fresh(job).retry()
    assert (ends(), times(RETRIES)) == ({"internal_error": 1}, 1)
    again = Job.objects.claim("fakes", ME)
    assert again is not None
    again.fail(Code.INTERNAL_ERROR, "")
    assert ends() == {"internal_error": 2}
    Counter.objects.count_ends(10)
    assert ends() == {"internal_error": 2}


def test_a_retry_that_is_refused_counts_nothing(owner: User) -> None:
    job = claimed(owner)
    job.fail(Code.INTERNAL_ERROR, "")
    Job.objects.update(inputs_kept=False)
    with pytest.raises(Exception, match="input_gone"):
        fresh(job).retry()
    assert (ends(), times(RETRIES), fresh(job).counted) == ({"internal_error": 1}, 0, False)


@pytest.mark.parametrize("counted", [False, True])
def test_an_erased_jobs_end_keeps_its_code(owner: User, counted: bool) -> None:
    job = claimed(owner)
    job.fail(Code.TIMEOUT, "")
    if counted:
        Counter.objects.count_ends(10)
    for _ in range(2):
        fresh(job).erase()
        Counter.objects.count_ends(10)
        assert ends() == {"timeout": 1}


def test_what_is_erased_before_its_end_is_counted_as_canceled(owner: User) -> None:
    running, queued = claimed(owner), submit(owner)
    fresh(running).erase()
    fresh(queued).erase()
    running.end(State.SUCCEEDED, result={})
    assert ends() == {"canceled": 2}


def test_no_counter_falls_when_rows_go(owner: User) -> None:
    for _ in range(3):
        succeeded(owner)
    Job.objects.update(finished_at=timezone.now() - timedelta(days=90))
    before = Counter.objects.totals()
    for _ in range(2):
        retention.erase_old_jobs()
        Job.objects.filter(erased_at__isnull=False).update(erased_at=timezone.now() - timedelta(days=90))
        retention.forget_tombstones()
    assert (Job.objects.count(), Counter.objects.totals()) == (0, before)


def test_a_tombstone_stays_until_it_is_counted(owner: User) -> None:
    submit(owner).erase()
    Job.objects.update(erased_at=timezone.now() - timedelta(days=90))
    retention.forget_tombstones()
    assert Job.objects.count() == 1
    Counter.objects.count_ends(10)
    retention.forget_tombstones()
    assert (Job.objects.count(), ends()) == (0, {"canceled": 1})


def test_a_housekeeping_that_dies_while_it_counts_counts_nothing(
    owner: User, housekeeping: Housekeeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    succeeded(owner)

    def die(*_: object) -> None:
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr("tasks.models.counters.CounterQuerySet.add", die)
        housekeeping.tick()
    assert (ends(), fresh(Job.objects.get()).counted) == ({"succeeded": 1}, False)
    housekeeping.tick()
    assert (ends(), fresh(Job.objects.get()).counted) == ({"succeeded": 1}, True)


def test_a_tick_counts_more_than_one_batch(owner: User, housekeeping: Housekeeping, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        submit(owner).cancel()
    housekeeping.tick()
    assert (Job.objects.filter(counted=False).count(), ends()) == (0, {"canceled": 5})


def test_crashes_losses_and_convictions_are_counted_where_they_happen(owner: User) -> None:
    job = claimed(owner)
    for _ in range(3):
        fresh(job).settle(Death("SIGABRT"))
        Job.objects.claim("fakes", ME)
    claimed(owner, text="another").settle(Death("", reason="lost"))
    assert (times(CRASHES), times(CONVICTIONS), times(LOSSES), ends()) == (3, 1, 1, {"worker_crashed": 1})


def test_a_late_write_is_counted_and_a_repeated_commit_is_none(owner: User) -> None:
    late = claimed(owner)
    fresh(late).release()
    successor = Job.objects.claim("fakes", Claimant(worker="fakes-2@here", life="another", pid=2, fresh=True))
    assert successor is not None
    assert late.end(State.SUCCEEDED, result={}) is None
    assert times(LATE_WRITES) == 1
    successor.end(State.SUCCEEDED, result={})
    assert successor.end(State.SUCCEEDED, result={}) is None
    assert (times(LATE_WRITES), ends()) == (1, {"succeeded": 1})


def test_an_event_without_its_labels_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="labels"):
        CRASHES.of(kind="fakes")


def test_a_clock_that_was_set_back_gives_no_negative_seconds(owner: User) -> None:
    succeeded(owner)
    Job.objects.update(created_at=timezone.now() + timedelta(hours=1), finished_at=timezone.now() - timedelta(hours=1))
    assert (seconds(WAITS.name), seconds(RUNS.name)) == (0.0, 0.0)
