"""The same request twice makes one job."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from fitsize.models import User
from tasks import retention
from tasks.models import IdempotencyKey, Input, Job
from tasks.models.idempotency import IdempotencyKeyQuerySet
from tests.conftest import client_of

pytestmark = pytest.mark.django_db


def post(client: Client, key: str, content: bytes = b"same", operation: str = "echo", **fields: Any) -> Any:
    form = {"file": SimpleUploadedFile("x", content), **fields}
    return client.post(f"/api/v1/fakes/{operation}", form, headers={"idempotency-key": key})


def test_the_same_request_makes_one_job(client: Client) -> None:
    first, again = post(client, "a", text="x"), post(client, "a", text="x")
    assert (first.json()["id"], first.status_code) == (again.json()["id"], again.status_code)
    assert (Job.objects.count(), Input.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    "other",
    [{"content": b"other"}, {"text": "y"}, {"priority": "batch"}, {"expires_in": "5"}],
    ids=["content", "field", "priority", "expiry"],
)
def test_another_request_under_the_same_key_is_refused(client: Client, other: dict[str, Any]) -> None:
    post(client, "a", text="x")
    answer = post(client, "a", **{"text": "x", **other})
    assert (answer.status_code, answer.json()["code"], Job.objects.count()) == (422, "idempotency_key_reused", 1)


def test_a_key_counts_for_its_owner_and_route_alone(client: Client, stranger: User) -> None:
    ids = {post(client, "a").json()["id"], post(client_of(stranger), "a").json()["id"], post(client, "a", operation="save").json()["id"]}
    assert len(ids) == 3


def test_after_a_day_a_key_may_be_used_again(client: Client) -> None:
    first = post(client, "a").json()["id"]
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert post(client, "a", text="another").json()["id"] != first


def test_housekeeping_forgets_keys_after_a_day(client: Client) -> None:
    post(client, "old")
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    post(client, "young")
    retention.forget_idempotency_keys()
    assert [row.key for row in IdempotencyKey.objects.all()] == ["young"]


@pytest.mark.parametrize("key", ["", " ", "a" * 256, "with space", "\u00e9"])
def test_a_key_of_another_form_is_refused(client: Client, key: str) -> None:
    answer = post(client, key)
    assert (answer.status_code, answer.json()["errors"][0]["field"], Job.objects.count()) == (400, "Idempotency-Key", 0)


def test_a_repetition_of_an_erased_job_says_that_it_is_gone(client: Client) -> None:
    client.delete(post(client, "a")["Location"])
    assert post(client, "a").status_code == 410


def test_of_two_at_once_the_loser_leaves_nothing_behind(client: Client, own_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = post(client, "a").json()["id"]
    look, looks = IdempotencyKeyQuerySet.job_of, []

    def too_early(self: IdempotencyKeyQuerySet, asked: IdempotencyKey) -> Job | None:
        looks.append(asked.key)
        return None if len(looks) == 1 else look(self, asked)

    monkeypatch.setattr(IdempotencyKeyQuerySet, "job_of", too_early)
    assert post(client, "a").json()["id"] == first
    assert (Job.objects.count(), Input.objects.count()) == (1, 1)
    assert len([path for path in own_files.rglob("*") if path.is_file()]) == 1
