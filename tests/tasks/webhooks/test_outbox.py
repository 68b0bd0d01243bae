"""Each end of a job that somebody wants to hear of is written down with the end itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from fitsize.models import User
from tasks.deaths import Death
from tasks.errors import Code, Refused
from tasks.models import Delivery, Input, Job, State, WebhookEndpoint
from tasks.models.columns import Columns
from tasks.models.webhooks import MOST_ENDPOINTS
from tests.tasks.jobs import ME, claimed, fresh, submit, upload

pytestmark = pytest.mark.django_db
URL = "https://example.com/hook"


def told(job: Job) -> list[str]:
    return list(Delivery.objects.filter(job=job, state="pending").order_by("created_at").values_list("event", flat=True))


def succeeded(job: Job) -> None:
    job.end(State.SUCCEEDED, result={})


def failed(job: Job) -> None:
    job.fail(Code.NO_FACE, "")


def lost_too_often(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(losses=9)
    fresh(job).settle(Death("", reason="a power cut"))


def canceled_at_work(job: Job) -> None:
    fresh(job).cancel()
    job.end(State.SUCCEEDED, result={})


def erased_at_work(job: Job) -> None:
    fresh(job).erase()
    job.end(State.SUCCEEDED, result={})


def canceled_in_the_queue(job: Job) -> None:
    job.release()
    fresh(job).cancel()
    fresh(job).cancel()


def erased_in_the_queue(job: Job) -> None:
    job.release()
    fresh(job).erase()
    fresh(job).erase()


def expired(job: Job) -> None:
    job.release()
    Job.objects.filter(pk=job.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    fresh(job).expire()


def ended_twice(job: Job) -> None:
    late = fresh(job)
    job.end(State.SUCCEEDED, result={})
    late.fail(Code.INTERNAL_ERROR, "")


def erased_after_its_end(job: Job) -> None:
    job.end(State.SUCCEEDED, result={})
    fresh(job).erase()


def canceled_and_then_erased(job: Job) -> None:
    canceled_in_the_queue(job)
    fresh(job).erase()


def retried(job: Job) -> None:
    job.fail(Code.TIMEOUT, "")
    fresh(job).retry()
    again = Job.objects.claim("fakes", ME)
    assert again is not None
    again.end(State.SUCCEEDED, result={})


def crashed(job: Job) -> None:
    job.settle(Death("SIGSEGV"))


ENDS: list[tuple[Callable[[Job], None], list[str]]] = [
    (succeeded, ["job.succeeded"]),
    (failed, ["job.failed"]),
    (lost_too_often, ["job.failed"]),
    (canceled_at_work, ["job.canceled"]),
    (erased_at_work, ["job.canceled"]),
    (canceled_in_the_queue, ["job.canceled"]),
    (erased_in_the_queue, ["job.canceled"]),
    (expired, ["job.expired"]),
    (ended_twice, ["job.succeeded"]),
    (erased_after_its_end, ["job.succeeded"]),
    (canceled_and_then_erased, ["job.canceled"]),
    (retried, ["job.failed", "job.succeeded"]),
    (crashed, []),
]


@pytest.mark.parametrize(("happen", "events"), ENDS)
def test_every_end_is_told_once(owner: User, happen: Callable[[Job], None], events: list[str]) -> None:
    job = claimed(owner, callback_url=URL)
    happen(job)
    assert told(job) == events


@pytest.mark.parametrize("happen", [happen for happen, _ in ENDS])
def test_a_job_that_nobody_waits_for_makes_no_statement_of_it(owner: User, happen: Callable[[Job], None]) -> None:
    with CaptureQueriesContext(
        connection,
    ) as made:
        happen(claimed(owner))
    said = [query["sql"] for query in made.captured_queries]
    assert [sql for sql in said if "delivery" in sql or "tasks_webhookendpoint" in sql] == []


def test_an_end_that_is_rolled_back_is_not_told(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = claimed(owner, callback_url=URL)

    def broken(*_: object) -> None:
        raise RuntimeError("an effect that fails")

    monkeypatch.setitem(job.facts.__dict__, "on_success", broken)
    with pytest.raises(RuntimeError), transaction.atomic():
        job.end(State.SUCCEEDED, result={})
    assert (told(job), fresh(job).state) == ([], State.RUNNING)


def test_jobs_with_one_address_have_one_endpoint_and_each_owner_his_own(owner: User, stranger: User) -> None:
    jobs = [submit(owner, callback_url=URL), submit(owner, callback_url=URL), submit(stranger, callback_url=URL)]
    assert [job.endpoint_id == jobs[0].endpoint_id for job in jobs] == [True, True, False]
    assert WebhookEndpoint.objects.count() == 2
    assert submit(owner).endpoint_id is None


def test_a_submit_that_fails_makes_no_endpoint(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a row that cannot be written")

    monkeypatch.setattr(Columns, "insert", broken)
    with pytest.raises(RuntimeError):
        submit(owner, callback_url=URL, uploads={"file": upload()})
    assert WebhookEndpoint.objects.count() == 0


def test_an_address_for_each_job_is_too_many(owner: User, own_files: Any) -> None:
    WebhookEndpoint.objects.bulk_create(WebhookEndpoint(owner=owner, url=f"{URL}/{number}") for number in range(MOST_ENDPOINTS))
    with pytest.raises(Refused, match="too_many_webhooks"):
        submit(owner, callback_url=URL, uploads={"file": upload()})
    assert (Job.objects.count(), Input.objects.count()) == (0, 0)
    submit(owner, callback_url=f"{URL}/7")


def test_a_deleted_endpoint_is_told_nothing_and_what_waited_is_canceled(owner: User) -> None:
    before, after = claimed(owner, callback_url=URL), claimed(owner, callback_url=URL)
    succeeded(before)
    WebhookEndpoint.objects.get().forget()
    succeeded(after)
    assert (fresh(after).state, Delivery.objects.count()) == (State.SUCCEEDED, 1)
    delivery = before.deliveries.get()
    assert (delivery.state, delivery.endpoint) == ("canceled", None)


def test_a_disabled_endpoint_is_told_nothing_but_the_news_can_be_replayed(owner: User) -> None:
    job = claimed(owner, callback_url=URL)
    endpoint = WebhookEndpoint.objects.get()
    endpoint.disable("gone")
    succeeded(job)
    delivery = job.deliveries.get()
    assert delivery.state == "canceled"
    with pytest.raises(Refused, match="webhook_disabled"):
        delivery.replay()
    endpoint.enable()
    delivery.replay()
    assert told(job) == ["job.succeeded"]


def test_deliveries_go_with_their_job(owner: User) -> None:
    job = claimed(owner, callback_url=URL)
    succeeded(job)
    job.delete()
    assert Delivery.objects.count() == 0
