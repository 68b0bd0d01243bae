"""A failed job may be queued again by its caller."""

from __future__ import annotations

from typing import Any

import pytest

from fitsize.models import User
from tasks.deaths import Death
from tasks.errors import Code, Refused
from tasks.models import Job, State
from tests.tasks.jobs import ME, claimed, fresh, submit

pytestmark = pytest.mark.django_db


def failed(owner: User, code: Code = Code.INTERNAL_ERROR) -> Job:
    job = claimed(owner)
    job.fail(code, "")
    return fresh(job)


@pytest.mark.parametrize("code", [Code.WORKER_LOST, Code.TIMEOUT, Code.INTERNAL_ERROR])
def test_what_was_our_fault_may_be_run_again(owner: User, wakened: list[str], code: Code, django_capture_on_commit_callbacks: Any) -> None:
    job = failed(owner, code)
    with django_capture_on_commit_callbacks(execute=True):
        job.retry()
    assert (fresh(job).state, fresh(job).error, fresh(job).finished_at, wakened) == (State.QUEUED, None, None, ["fakes"])


def test_counters_begin_anew(owner: User) -> None:
    job = claimed(owner)
    Job.objects.filter(pk=job.pk).update(losses=9)
    fresh(job).settle(Death("SIGKILL"))
    fresh(job).retry()
    again = Job.objects.claim("fakes", ME)
    assert again is not None
    assert (again.losses, again.attempts) == (0, 2)


@pytest.mark.parametrize("code", [Code.NO_FACE, Code.INVALID_IMAGE])
def test_an_input_that_can_never_work_is_not_run_again(owner: User, code: Code) -> None:
    with pytest.raises(Refused) as refused:
        failed(owner, code).retry()
    assert refused.value.code == "not_retryable"


def test_only_a_failed_job_is_run_again(owner: User) -> None:
    with pytest.raises(Refused):
        submit(owner).retry()
    job = claimed(owner)
    job.end(State.SUCCEEDED, result={})
    with pytest.raises(Refused):
        fresh(job).retry()


def test_without_its_inputs_a_job_cannot_be_run_again(owner: User) -> None:
    job = failed(owner)
    job.keep_inputs_no_more()
    with pytest.raises(Refused) as refused:
        job.retry()
    assert refused.value.code == "input_gone"


def test_two_retries_at_once_are_one(owner: User) -> None:
    job = failed(owner)
    other = fresh(job)
    job.retry()
    with pytest.raises(Refused) as refused:
        other.retry()
    assert refused.value.code == "not_retryable"


def test_a_job_that_was_retried_keeps_its_inputs(owner: User) -> None:
    job = failed(owner)
    job.retry()
    job.keep_inputs_no_more()
    assert fresh(job).inputs_kept is True
