"""429 for what a key does, 503 for what the service cannot take, both with the time to try again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from fitsize.models import ApiKey, User
from tasks.models import Job
from tests.tasks.jobs import submit

pytestmark = pytest.mark.django_db


def key_of(owner: User, rate: int = 0, queued: int = 0) -> Client:
    _, secret = ApiKey.objects.issue(owner, "limited", ["fakes"], rate, queued)
    return Client(headers={"authorization": f"Bearer {secret}"})


def post(client: Client, **headers: str) -> Any:
    return client.post("/api/v1/fakes/echo", {"text": "x"}, content_type="application/json", headers=headers)


def test_a_key_that_submits_too_fast_is_told_when_to_come_again(owner: User) -> None:
    client = key_of(owner, rate=3)
    answers = [post(client) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert answers[3].json()["code"] == "rate_limited"
    assert 1 <= int(answers[3]["Retry-After"]) <= 60
    assert Job.objects.count() == 3


def test_after_a_minute_it_may_go_on(owner: User) -> None:
    client = key_of(owner, rate=1)
    post(client)
    assert post(client).status_code == 429
    Job.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    assert post(client).status_code == 202


def test_the_time_to_wait_is_that_of_the_oldest_submit_that_counts(owner: User) -> None:
    client = key_of(owner, rate=2)
    post(client), post(client)
    oldest = Job.objects.earliest("created_at")
    Job.objects.filter(pk=oldest.pk).update(created_at=timezone.now() - timedelta(seconds=50))
    assert 8 <= int(post(client)["Retry-After"]) <= 11


def test_a_key_with_too_many_waiting_jobs_is_refused_until_one_has_run(owner: User) -> None:
    client = key_of(owner, queued=2)
    assert [post(client).status_code for _ in range(3)] == [202, 202, 429]
    assert post(client).json()["code"] == "too_many_queued"
    Job.objects.latest("created_at").cancel()
    assert post(client).status_code == 202


def test_limits_sit_on_the_key_and_not_on_its_owner(owner: User) -> None:
    first, second = key_of(owner, rate=1), key_of(owner, rate=1)
    assert [post(first).status_code, post(second).status_code, post(first).status_code] == [202, 202, 429]


def test_an_answer_tells_what_is_left(owner: User) -> None:
    client = key_of(owner, rate=10, queued=5)
    post(client)
    answer = post(client)
    assert answer["RateLimit-Policy"] == '"submits";q=10;w=60, "queued";q=5'
    assert answer["RateLimit"] == '"submits";r=8, "queued";r=3'


def test_a_key_without_limits_is_told_of_none(owner: User) -> None:
    assert "RateLimit" not in post(key_of(owner))


def test_a_full_queue_refuses_everybody(owner: User, stranger: User, settings: Any) -> None:
    settings.MAX_QUEUED_PER_KIND = 2
    submit(owner), submit(owner)
    answer = post(key_of(stranger))
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "queue_full", "10")


def test_in_maintenance_nothing_is_accepted_and_everything_is_answered(owner: User) -> None:
    client, job = key_of(owner), submit(owner)
    call_command("maintenance", "on", reason="Back at ten.")
    answer = post(client)
    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (503, "maintenance", "Back at ten.")
    assert answer["Retry-After"] == "60"
    assert client.get(f"/api/v1/jobs/{job.pk}").status_code == 200
    call_command("maintenance", "off")
    assert post(client).status_code == 202


@pytest.mark.parametrize("limit", ["-1", "many", "1e9"])
def test_a_limit_that_is_no_number_is_refused(limit: str, db: None) -> None:
    with pytest.raises(Exception, match="--rate"):
        call_command("apikey", "create", "--rate", limit)
