"""What is due is sent, to each receiver in its turn, until it is heard."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from fitsize.models import User
from tasks.models import Delivery, State, WebhookEndpoint
from tasks.models.webhooks import SCHEDULE
from tasks.webhooks import sender as module
from tasks.webhooks.answers import Answer, Reason
from tasks.webhooks.sender import Sender
from tests.receiver import OK, Receiver, status
from tests.stack import eventually
from tests.tasks.jobs import claimed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loopback")]


def news(owner: User, url: str) -> Delivery:
    """Of a job that has succeeded."""
    job = claimed(owner, callback_url=url, text="secret")
    job.end(State.SUCCEEDED, result={"secret": 1})
    return Delivery.objects.get(job=job)


def fresh(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)


def landed(sender: Sender) -> None:
    """Send what is due now, and wait for what becomes of it."""
    sender.turn()
    eventually(lambda: len(sender.landed) == len(sender.flying))
    sender.write()


def in_the_air(sender: Sender) -> int:
    return len(sender.flying) - len(sender.landed)


def now_due(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now() - timedelta(seconds=1))


@pytest.fixture
def sender() -> Sender:
    return Sender()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def test_the_news_of_an_end_is_thin_and_signed(owner: User, sender: Sender, receiver: Receiver, settings: Any) -> None:
    settings.PUBLIC_URL = "https://fitsize.example/"
    delivery = news(owner, receiver.url)
    landed(sender)
    [heard] = receiver.heard
    link = f"https://fitsize.example/api/v1/jobs/{delivery.job_id}"
    data = {"id": str(delivery.job_id), "kind": "fakes", "operation": "echo", "state": "succeeded", "link": link}
    body = heard.verified(WebhookEndpoint.objects.get().secret)
    assert (body["type"], body["data"], set(body)) == ("job.succeeded", data, {"type", "timestamp", "data"})
    assert (heard.headers["webhook-id"], heard.headers["content-type"]) == (str(delivery.pk), "application/json")
    assert (fresh(delivery).state, [attempt["status"] for attempt in fresh(delivery).attempts]) == ("delivered", [204])


def test_without_a_public_address_the_link_is_a_path(owner: User, sender: Sender, receiver: Receiver) -> None:
    delivery = news(owner, receiver.url)
    landed(sender)
    assert json.loads(receiver.heard[0].body)["data"]["link"] == f"/api/v1/jobs/{delivery.job_id}"


def test_what_was_delivered_is_not_sent_again(owner: User, sender: Sender, receiver: Receiver) -> None:
    now_due(news(owner, receiver.url))
    landed(sender)
    landed(sender)
    assert len(receiver.heard) == 1


def test_every_attempt_has_the_same_id_and_body_and_is_written_down(owner: User, sender: Sender, receiver: Receiver) -> None:
    delivery = news(owner, receiver.url)
    receiver.answer = status("500 Oh")
    landed(sender)
    assert fresh(delivery).state == "pending"
    receiver.answer = OK
    now_due(delivery)
    landed(sender)
    first, second = receiver.heard
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    attempts = fresh(delivery).attempts
    assert [(attempt["status"], attempt["reason"]) for attempt in attempts] == [(500, "status"), (204, None)]
    assert all(attempt["duration_ms"] >= 0 and attempt["at"].endswith("Z") for attempt in attempts)


def waits(delivery: Delivery) -> float:
    return (fresh(delivery).next_attempt_at - timezone.now()).total_seconds()


def test_ten_attempts_follow_the_schedule_and_then_it_has_failed(owner: User, sender: Sender, receiver: Receiver) -> None:
    delivery = news(owner, receiver.url)
    receiver.answer = status("500 Oh")
    for planned in SCHEDULE[1:]:
        landed(sender)
        assert 0.9 * planned - 60 < waits(delivery) < 1.1 * planned + 1
        now_due(delivery)
    landed(sender)
    assert (fresh(delivery).state, len(receiver.heard)) == ("failed", 10)
    landed(sender)
    assert len(receiver.heard) == 10


@pytest.mark.parametrize(("asked", "least", "most"), [(3600, 3500, 3700), (10**9, 86_300, 86_500), (0, -1, 10)])
def test_a_receiver_may_ask_for_time_up_to_a_day(
    owner: User, sender: Sender, receiver: Receiver, asked: int, least: float, most: float
) -> None:
    delivery = news(owner, receiver.url)
    receiver.answer = status("503 Busy", f"Retry-After: {asked}")
    landed(sender)
    assert least < waits(delivery) < most


@pytest.mark.parametrize("line", ["429 Slow", "502 Gateway", "504 Gateway"])
def test_a_receiver_that_is_overloaded_hears_nothing_of_other_jobs_either(
    owner: User, sender: Sender, receiver: Receiver, line: str
) -> None:
    news(owner, receiver.url)
    receiver.answer = status(line)
    landed(sender)
    other = news(owner, receiver.url)
    landed(sender)
    assert (len(receiver.heard), fresh(other).claims) == (1, 0)
    [(endpoint, until)] = sender.resting.items()
    assert 0 < until - time.monotonic() <= module.SLOW_DOWN_SECONDS
    sender.resting[endpoint] = time.monotonic()
    landed(sender)
    assert len(receiver.heard) == 2


def test_410_disables_the_endpoint_and_cancels_what_waits(owner: User, sender: Sender, receiver: Receiver) -> None:
    first = news(owner, receiver.url)
    receiver.answer = status("410 Gone")
    landed(sender)
    waiting = news(owner, receiver.url)
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.disabled_at is not None, "410" in endpoint.disabled_reason) == (True, True)
    assert [fresh(first).state, fresh(waiting).state] == ["canceled", "canceled"]
    assert [attempt["status"] for attempt in fresh(first).attempts] == [410]


def test_an_address_of_ours_is_refused_at_once_and_for_good(owner: User, sender: Sender, receiver: Receiver, settings: Any) -> None:
    delivery = news(owner, receiver.url)
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    landed(sender)
    [attempt] = fresh(delivery).attempts
    assert (fresh(delivery).state, attempt["reason"], receiver.heard) == ("failed", "refused_address", [])


def test_a_name_that_leads_to_us_is_refused_when_it_is_looked_up(owner: User, sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    really = socket.getaddrinfo

    def rebound(host: str, port: int, *arguments: Any, **named: Any) -> Any:
        return really("10.0.0.1" if host == "rebound.example" and not named.get("flags") else host, port, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    delivery = news(owner, "https://rebound.example/")
    landed(sender)
    assert fresh(delivery).attempts[0]["reason"] == "refused_address"


def test_during_a_rotation_both_secrets_verify(owner: User, sender: Sender, receiver: Receiver) -> None:
    delivery = news(owner, receiver.url)
    endpoint = WebhookEndpoint.objects.get()
    former = endpoint.secret
    endpoint.rotate()
    landed(sender)
    assert endpoint.secret != former
    for secret in (former, endpoint.secret):
        receiver.heard[0].verified(secret)
    WebhookEndpoint.objects.update(former_until=timezone.now() - timedelta(seconds=1))
    delivery.replay()
    landed(sender)
    assert len(receiver.heard[1].headers["webhook-signature"].split()) == 1
    receiver.heard[1].verified(endpoint.secret)


def test_a_delivery_is_claimed_by_one_sender_alone(owner: User, receiver: Receiver) -> None:
    delivery = news(owner, receiver.url)
    assert Delivery.objects.claim(delivery.pk) is not None
    assert Delivery.objects.claim(delivery.pk) is None


def test_what_a_dead_sender_had_claimed_is_sent_by_another(owner: User, sender: Sender, receiver: Receiver) -> None:
    delivery = news(owner, receiver.url)
    late = Delivery.objects.claim(delivery.pk)
    assert late is not None
    assert 19 < waits(delivery) < 21
    now_due(delivery)
    landed(sender)
    assert fresh(delivery).state == "delivered"
    late.record(Answer(1, reason=Reason.TIMEOUT))
    assert (fresh(delivery).state, [attempt["status"] for attempt in fresh(delivery).attempts]) == ("delivered", [204])


def test_a_delivery_that_kills_each_sender_ends_all_the_same(owner: User, sender: Sender, receiver: Receiver) -> None:
    delivery = news(owner, receiver.url)
    for _ in SCHEDULE:
        assert Delivery.objects.claim(delivery.pk)
        now_due(delivery)
    landed(sender)
    assert (fresh(delivery).state, fresh(delivery).attempts[-1]["reason"], receiver.heard) == ("failed", "sender_lost", [])


def test_a_receiver_that_is_slow_has_few_at_a_time_and_holds_nobody_up(owner: User, stranger: User, sender: Sender) -> None:
    hold = threading.Event()

    def slow(connection: socket.socket) -> None:
        hold.wait(60)
        connection.sendall(OK)

    with Receiver(slow) as dead, Receiver() as lively:
        for _ in range(8):
            news(owner, dead.url)
        others = [news(owner, lively.url), news(stranger, lively.url)]
        sender.turn()
        eventually(lambda: in_the_air(sender) == len(dead.heard) == module.MOST_PER_ENDPOINT)
        sender.turn()
        assert [fresh(delivery).state for delivery in others] == ["delivered"] * 2
        assert len(sender.flying) == module.MOST_PER_ENDPOINT
        hold.set()
        while len(dead.heard) < 8:
            landed(sender)
    assert Delivery.objects.filter(state="delivered").count() == 10


def test_many_dead_receivers_of_one_owner_leave_room_for_others(owner: User, stranger: User, sender: Sender) -> None:
    hold = threading.Event()

    def held(connection: socket.socket) -> None:
        hold.wait(60)

    with Receiver(held) as dead, Receiver() as lively:
        for number in range(2 * module.MOST_AT_ONCE):
            news(owner, f"{dead.url}/{number}")
        other = news(stranger, lively.url)
        sender.turn()
        eventually(lambda: in_the_air(sender) == len(dead.heard) == module.MOST_PER_OWNER)
        sender.turn()
        hold.set()
        assert fresh(other).state == "delivered"
        eventually(lambda: len(sender.landed) == len(sender.flying))


def test_what_the_database_does_not_take_now_is_written_later(
    owner: User, sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("database is locked")

    delivery = news(owner, receiver.url)
    with monkeypatch.context() as patch:
        patch.setattr(Delivery, "record", away)
        with suppress(OperationalError):  # it may land within this turn
            sender.turn()
        eventually(lambda: sender.landed)
        with pytest.raises(OperationalError):
            sender.turn()
    sender.turn()
    assert (fresh(delivery).state, len(receiver.heard)) == ("delivered", 1)


def test_a_fault_of_ours_is_written_down_and_tried_again(
    owner: User, sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise RuntimeError("ours")

    delivery = news(owner, receiver.url)
    monkeypatch.setattr(module, "message", broken)
    landed(sender)
    assert (fresh(delivery).state, fresh(delivery).attempts[0]["reason"]) == ("pending", "internal_error")


def test_a_replay_counts_though_the_last_attempt_is_still_in_the_air(owner: User, receiver: Receiver) -> None:
    delivery = news(owner, receiver.url)
    Delivery.objects.update(tries_left=1)
    last = Delivery.objects.claim(delivery.pk)
    assert last is not None
    delivery.replay()
    last.record(Answer(1, reason=Reason.TIMEOUT))
    assert (fresh(delivery).state, fresh(delivery).tries_left) == ("pending", len(SCHEDULE))
    assert Delivery.objects.claim(delivery.pk) is not None


def test_what_is_canceled_in_the_air_stays_so_unless_it_was_heard(owner: User, receiver: Receiver) -> None:
    claims = [Delivery.objects.claim(news(owner, receiver.url).pk) for _ in range(2)]
    WebhookEndpoint.objects.get().disable("")
    for delivery, answer in zip(claims, [Answer(1, 500, Reason.STATUS), Answer(1, 200)], strict=True):
        assert delivery is not None
        delivery.record(answer)
    states = [fresh(delivery).state for delivery in claims if delivery]
    assert states == ["canceled", "delivered"]
