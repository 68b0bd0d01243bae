"""Webhooks as their owner meets them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from fitsize.models import User
from tasks.models import Delivery, Job, State, WebhookEndpoint
from tests.conftest import client_of
from tests.tasks.jobs import claimed

pytestmark = pytest.mark.django_db
URL = "https://example.com/hook"


def post(client: Client, address: str, **body: Any) -> Any:
    return client.post(f"/api/v1/{address}", body, content_type="application/json")


def test_a_webhook_is_made_once_and_shows_its_secret(client: Client) -> None:
    first, again = post(client, "webhooks", url=URL), post(client, "webhooks", url="HTTPS://EXAMPLE.com:443/hook#x")
    assert (first.status_code, again.status_code, first.json()) == (201, 200, again.json())
    assert first.json()["secret"].startswith("whsec_")
    assert client.get(first["Location"]).json() == first.json()
    assert first["Cache-Control"] == "no-store"


def test_the_list_shows_ones_own_without_secrets(client: Client, stranger: User) -> None:
    mine = post(client, "webhooks", url=URL).json()
    post(client_of(stranger), "webhooks", url=URL)
    [listed] = client.get("/api/v1/webhooks").json()["results"]
    assert (listed["id"], "secret" in listed) == (mine["id"], False)


@pytest.mark.parametrize(("method", "tail"), [("get", ""), ("delete", ""), ("post", "/rotate"), ("post", "/enable")])
def test_a_strangers_webhook_is_not_found(client: Client, stranger: User, method: str, tail: str) -> None:
    address = f"{post(client_of(stranger), 'webhooks', url=URL)['Location']}{tail}"
    assert getattr(client, method)(address).status_code == 404
    assert getattr(Client(), method)(address).status_code == 401


def test_a_webhook_is_rotated_enabled_and_deleted(client: Client) -> None:
    made = post(client, "webhooks", url=URL)
    rotated = client.post(f"{made['Location']}/rotate").json()
    assert (rotated["secret"] != made.json()["secret"], rotated["former_until"] is not None) == (True, True)
    WebhookEndpoint.objects.get().disable("The receiver answered 410.")
    assert client.get(made["Location"]).json()["disabled_at"]
    assert client.post(f"{made['Location']}/enable").json()["disabled_at"] is None
    assert client.delete(made["Location"]).status_code == 204
    assert client.get(made["Location"]).status_code == 404


REFUSED = [
    ("http://example.com/", "forbidden_address"),
    ("https://127.1/", "forbidden_address"),
    ("https://localhost/", "forbidden_address"),
    ("https://[::ffff:169.254.169.254]/", "forbidden_address"),
    ("https://user:word@example.com/", "invalid_request"),
    ("https://example.com/" + "x" * 2000, "invalid_request"),
    ("\ud800", "invalid_request"),
    (7, "invalid_request"),
    (None, "invalid_request"),
]


@pytest.mark.parametrize(("url", "code"), REFUSED, ids=ascii)
def test_what_can_be_seen_without_dns_is_refused_at_once(client: Client, url: Any, code: str) -> None:
    for address, field in (("webhooks", "url"), ("fakes/echo", "callback_url")):
        answer = post(client, address, **{field: url})
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["errors"][0]["field"]) == (400, code, field)
    assert (Job.objects.count(), WebhookEndpoint.objects.count()) == (0, 0)


@pytest.mark.parametrize("form", [True, False])
def test_a_job_remembers_whom_to_tell(client: Client, form: bool) -> None:
    fields = {"text": "x", "callback_url": URL}
    client.post("/api/v1/fakes/echo", fields) if form else post(client, "fakes/echo", **fields)
    job = Job.objects.get()
    assert job.endpoint
    assert (job.endpoint.url, job.parameters) == (URL, {"text": "x"})


def test_whom_to_tell_is_part_of_the_request(client: Client) -> None:
    def ask(**fields: str) -> Any:
        return client.post("/api/v1/fakes/echo", fields, headers={"idempotency-key": "a"})

    first = ask(callback_url=URL)
    assert ask(callback_url="https://EXAMPLE.com/hook").json()["id"] == first.json()["id"]
    assert ask().json()["code"] == ask(callback_url=f"{URL}/2").json()["code"] == "idempotency_key_reused"
    assert WebhookEndpoint.objects.count() == 1


@pytest.fixture
def told(owner: User) -> Delivery:
    job = claimed(owner, callback_url=URL)
    job.end(State.SUCCEEDED, result={})
    return Delivery.objects.get()


def test_deliveries_stand_at_their_job(client: Client, told: Delivery) -> None:
    [listed] = client.get(f"/api/v1/jobs/{told.job_id}/deliveries").json()["results"]
    assert (listed["id"], listed["type"], listed["state"], listed["attempts"]) == (str(told.pk), "job.succeeded", "pending", [])
    assert (listed["webhook"], listed["next_attempt_at"] is not None) == (str(told.endpoint_id), True)


def test_a_delivery_is_replayed(client: Client, told: Delivery) -> None:
    Delivery.objects.update(state="failed", tries_left=0)
    answer = client.post(f"/api/v1/jobs/{told.job_id}/deliveries/{told.pk}/replay")
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    assert [due.pk for due in Delivery.objects.all().due()] == [told.pk]


def test_nothing_is_replayed_to_a_webhook_that_is_disabled_or_deleted(client: Client, told: Delivery) -> None:
    WebhookEndpoint.objects.get().forget()
    answer = client.post(f"/api/v1/jobs/{told.job_id}/deliveries/{told.pk}/replay")
    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_disabled")


def test_strangers_see_and_replay_nothing(stranger: User, told: Delivery) -> None:
    other = client_of(stranger)
    assert other.get(f"/api/v1/jobs/{told.job_id}/deliveries").status_code == 404
    assert other.post(f"/api/v1/jobs/{told.job_id}/deliveries/{told.pk}/replay").status_code == 404


def test_a_delivery_of_another_job_is_not_found(client: Client, owner: User, told: Delivery) -> None:
    assert client.post(f"/api/v1/jobs/{claimed(owner).pk}/deliveries/{told.pk}/replay").status_code == 404


def test_the_deliveries_of_an_erased_job_are_gone_to_its_owner_and_still_made(client: Client, told: Delivery) -> None:
    client.delete(f"/api/v1/jobs/{told.job_id}")
    assert client.get(f"/api/v1/jobs/{told.job_id}/deliveries").status_code == 410
    assert [due.pk for due in Delivery.objects.all().due()] == [told.pk]


@pytest.mark.parametrize("query", ["limit=0", "limit=many", "page=2", "cursor=%00"])
def test_a_page_that_cannot_be_is_refused(client: Client, query: str) -> None:
    assert client.get(f"/api/v1/webhooks?{query}").status_code == 400
