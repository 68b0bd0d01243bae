"""Sends what is due. Part of housekeeping, in threads of its own: a receiver that is slow delays nothing there."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter, deque
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections, connections

from tasks.clock import timestamp
from tasks.models import Delivery
from tasks.transitions import AWAY
from tasks.webhooks import signatures
from tasks.webhooks.answers import Answer, Reason
from tasks.webhooks.posts import post

logger = logging.getLogger(__name__)
JOBS = "/api/v1/jobs"  # reverse() would load every view into housekeeping: 19 MB
LOOK_SECONDS = 1.0
STOP_SECONDS = 3.0
MOST_AT_ONCE = 32
MOST_PER_ENDPOINT = 4
MOST_PER_OWNER = 12  # who has many dead endpoints leaves room for others
SLOW_DOWN = frozenset({429, 502, 503, 504})
SLOW_DOWN_SECONDS = 10.0
LONGEST_REST_SECONDS = 3600.0


class Sender(threading.Thread):
    """This thread holds the only connection to the database: it claims what is due, and writes what came of it. Each attempt is a thread
    that knows nothing but its receiver. Several senders at once are safe; each keeps its own counts."""

    def __init__(self) -> None:
        super().__init__(name="webhooks", daemon=True)
        self.wake = threading.Event()
        self.ended = False
        self.flying: dict[UUID, Delivery] = {}
        self.landed: deque[tuple[Delivery, Answer]] = deque()
        self.resting: dict[UUID, float] = {}  # endpoints that asked for slowness, until when

    def run(self) -> None:
        while not self.ended or (self.flying and time.monotonic() < self.ends_at):
            self.wake.wait(0.1 if self.ended else LOOK_SECONDS)
            self.wake.clear()
            try:
                close_old_connections()
                self.turn()
            except AWAY:
                logger.warning("webhooks: no database, it is tried again", exc_info=True)
                connections.close_all()
            except Exception:
                logger.exception("webhooks: a look failed, it is tried again")
                connections.close_all()
        connections.close_all()

    def end(self) -> None:
        """Begin nothing more; what is in the air has a moment to land. What does not is sent again by whoever comes next."""
        self.ends_at = time.monotonic() + STOP_SECONDS
        self.ended = True
        self.wake.set()
        self.join(STOP_SECONDS + 1)

    def turn(self) -> None:
        self.write()
        while not self.ended and self.begin():
            self.write()

    def write(self) -> None:
        """What the database does not take now stays for the next turn."""
        while self.landed:
            delivery, answer = self.landed[0]
            try:
                delivery.record(answer)
            except AWAY:
                raise
            except Exception:
                logger.exception("webhooks: an attempt could not be written down")
            self.rest(delivery, answer)
            self.flying.pop(delivery.pk, None)
            self.landed.popleft()

    def rest(self, delivery: Delivery, answer: Answer) -> None:
        """A receiver that says it is overloaded hears nothing for a while, of other jobs neither."""
        if answer.status in SLOW_DOWN and delivery.endpoint_id:
            seconds = min(max(answer.retry_after, SLOW_DOWN_SECONDS), LONGEST_REST_SECONDS)
            self.resting[delivery.endpoint_id] = time.monotonic() + seconds

    def begin(self) -> bool:
        """Claim what is due and may be sent now, and send it; whether anything was."""
        now = time.monotonic()
        self.resting = {endpoint: until for endpoint, until in self.resting.items() if until > now}
        endpoints = Counter(delivery.endpoint_id for delivery in self.flying.values())
        owners = Counter(delivery.endpoint.owner_id for delivery in self.flying.values() if delivery.endpoint)
        full = [endpoint for endpoint, count in endpoints.items() if count >= MOST_PER_ENDPOINT] + list(self.resting)
        busy = [owner for owner, count in owners.items() if count >= MOST_PER_OWNER]
        due = Delivery.objects.due().filter(endpoint__isnull=False).exclude(endpoint__in=full).exclude(endpoint__owner__in=busy)
        found = due.order_by("next_attempt_at").values_list("pk", "endpoint_id", "endpoint__owner_id")
        begun = 0
        for pk, endpoint, owner in found[: MOST_AT_ONCE - len(self.flying)]:
            if pk in self.flying or endpoints[endpoint] >= MOST_PER_ENDPOINT or owners[owner] >= MOST_PER_OWNER:
                continue
            if delivery := Delivery.objects.claim(pk):
                endpoints[endpoint] += 1
                owners[owner] += 1
                begun += 1
                self.launch(delivery)
        return bool(begun)

    def launch(self, delivery: Delivery) -> None:
        self.flying[delivery.pk] = delivery
        threading.Thread(target=self.fly, args=(delivery,), name="webhook", daemon=True).start()

    def fly(self, delivery: Delivery) -> None:
        """In a thread of its own, without the database."""
        try:
            answer = attempt(delivery)
        except Exception:
            logger.exception("webhooks: an attempt failed for a reason of ours")
            answer = Answer(0, reason=Reason.INTERNAL)
        self.landed.append((delivery, answer))
        self.wake.set()


def attempt(delivery: Delivery) -> Answer:
    endpoint, moment = delivery.endpoint, delivery.claimed_at
    if not endpoint or not moment or delivery.tries_left < 0:  # who made the last attempt did not live to write down what came of it
        return Answer(0, reason=Reason.LOST)
    body = message(delivery)
    signed = signatures.headers(endpoint.keys(moment), str(delivery.pk), int(moment.timestamp()), body)
    headers = {"Content-Type": "application/json", "User-Agent": "FitSize-Webhooks/1", **signed}
    return post(endpoint.url, headers, body, settings.WEBHOOK_TIMEOUT_SECONDS)


def message(delivery: Delivery) -> bytes:
    """Thin: what has ended, how, and where to read more. The same for each attempt."""
    job = delivery.job
    link = f"{settings.PUBLIC_URL.rstrip('/')}{JOBS}/{job.pk}"
    state = delivery.event.removeprefix("job.")
    data = {"id": str(job.pk), "kind": job.kind, "operation": job.operation, "state": state, "link": link}
    event = {"type": delivery.event, "timestamp": timestamp(delivery.created_at), "data": data}
    return json.dumps(event, separators=(",", ":")).encode()
