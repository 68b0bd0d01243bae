from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from fitsize.models import User
from tasks.models import Claimant, Job, Priority, State
from tasks.transitions import rows
from tests.tasks.jobs import ME, claimed, fresh, submit

pytestmark = pytest.mark.django_db


def test_a_claim_takes_a_queued_job_and_says_who_runs_it(owner: User) -> None:
    job = claimed(owner)
    assert (job.state, job.attempts, job.worker, job.life, job.pid) == (State.RUNNING, 1, "fakes@here", "my-life", 1)
    assert job.lease is not None
    assert fresh(job).lease == job.lease


def test_a_claim_is_timed_by_the_databases_clock(owner: User) -> None:
    job = fresh(claimed(owner))
    assert job.started_at
    assert abs((timezone.now() - job.started_at).total_seconds()) < 5


def test_nothing_is_claimed_twice(owner: User) -> None:
    claimed(owner)
    assert Job.objects.claim("fakes", ME) is None


def test_no_job_of_another_kind_is_claimed(owner: User) -> None:
    submit(owner)
    assert Job.objects.claim("faces", ME) is None


def test_jobs_are_claimed_in_the_order_of_priority_turn_and_time(owner: User) -> None:
    jobs = [submit(owner) for _ in range(3)]
    Job.objects.filter(pk=jobs[2].pk).update(priority=-1)
    order = [Job.objects.claim("fakes", ME) for _ in range(3)]
    assert [job and job.pk for job in order] == [jobs[2].pk, jobs[0].pk, jobs[1].pk]


def test_an_owner_with_one_job_waits_for_one_of_the_owner_with_many(owner: User, stranger: User) -> None:
    for _ in range(5):
        submit(owner)
    single = submit(stranger)
    order = [Job.objects.claim("fakes", ME) for _ in range(3)]
    assert single.pk in [job and job.pk for job in order[:2]]


def test_a_newcomer_does_not_overtake_the_turn_that_is_served(owner: User, stranger: User) -> None:
    jobs = [submit(owner) for _ in range(4)]
    Job.objects.claim("fakes", ME)
    Job.objects.claim("fakes", ME)
    newcomer = submit(stranger)
    assert newcomer.turn == fresh(jobs[2]).turn


def test_an_expired_or_canceled_row_is_not_claimed(owner: User) -> None:
    Job.objects.filter(pk=submit(owner).pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    Job.objects.filter(pk=submit(owner).pk).update(cancel_requested=True)
    assert Job.objects.claim("fakes", ME) is None


def test_the_first_claim_clears_the_time_by_which_it_had_to_start(owner: User) -> None:
    Job.objects.filter(pk=submit(owner).pk).update(expires_at=timezone.now() + timedelta(seconds=60))
    job = Job.objects.claim("fakes", ME)
    assert job is not None
    assert fresh(job).expires_at is None


def test_a_claim_remembers_whether_its_child_had_finished_a_job(owner: User) -> None:
    assert claimed(owner).fresh_child is True
    assert claimed(owner, claimant=Claimant("fakes@here", "my-life", 1, fresh=False)).fresh_child is False


def test_a_single_job_waits_for_at_most_three_of_an_owner_with_five_hundred(owner: User, stranger: User) -> None:
    """Five thousand: tests/worker/test_fairness.py."""
    for _ in range(500):
        submit(owner)
    for _ in range(150):
        Job.objects.claim("fakes", ME)
    single = submit(stranger)
    order = [Job.objects.claim("fakes", ME) for _ in range(4)]
    assert single.pk in [job and job.pk for job in order]


def test_batch_work_is_claimed_only_when_no_interactive_work_waits(owner: User, stranger: User) -> None:
    batch = [submit(owner, priority=Priority.BATCH) for _ in range(3)]
    assert Job.objects.claim("fakes", ME) is not None  # the one that interactive work may have to wait for
    interactive = [submit(who) for who in (owner, stranger)]
    order = [Job.objects.claim("fakes", ME) for _ in range(4)]
    assert {job and job.pk for job in order[:2]} == {job.pk for job in interactive}
    assert [job and job.pk for job in order[2:]] == [job.pk for job in batch[1:]]


def test_a_job_expires_if_it_does_not_start_in_the_time_it_was_given(owner: User) -> None:
    late, early = submit(owner, expires_in=-1), submit(owner, expires_in=3600)
    assert [job.pk for job in Job.objects.all().overdue_to_start()] == [late.pk]
    for job in (late, early):
        job.expire()
    assert (fresh(late).state, fresh(early).state) == (State.EXPIRED, State.QUEUED)
    assert abs(((early.expires_at or timezone.now()) - timezone.now()).total_seconds() - 3600) < 60
    assert fresh(early).expires_at == early.expires_at


def test_a_job_that_comes_back_from_long_ago_gives_a_newcomer_no_start(owner: User, stranger: User) -> None:
    old = claimed(owner)
    for _ in range(100):
        submit(stranger)
    for _ in range(98):
        Job.objects.claim("fakes", ME)
    single = submit(User.objects.create(username="single"))
    fresh(old).release()
    crowd = User.objects.create(username="crowd")
    for _ in range(50):
        submit(crowd)
    order = [job for job in (Job.objects.claim("fakes", ME) for _ in range(6)) if job]
    assert single.pk in [job.pk for job in order]


@pytest.mark.django_db(transaction=True)
def test_the_disk_is_waited_for_again_after_a_claim(owner: User) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL is told in the statement, for that transaction alone")
    submit(owner)
    assert Job.objects.claim("fakes", ME) is not None
    assert rows("PRAGMA synchronous", ()) == [(2,)]
