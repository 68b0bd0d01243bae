"""Webhooks from real workers, sent by a real housekeeping that may be killed in the middle."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.receiver import OK, Receiver
from tests.stack import Stack, eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def telling(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """May tell receivers on this machine, and takes an attempt for lost soon."""
    environment = {"WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", "WEBHOOK_TIMEOUT_SECONDS": "3"}
    with Stack(tmp_path_factory.mktemp("telling"), database_url, environment=environment) as running:
        yield running


def secret(stack: Stack, url: str) -> str:
    return str(stack.http.post("/api/v1/webhooks", json={"url": url}).json()["secret"])


def deliveries(stack: Stack, job: dict[str, Any]) -> Any:
    return stack.http.get(f"{job['links']['self']}/deliveries").json()["results"]


def test_the_end_of_a_job_is_told_and_the_library_verifies_it(telling: Stack) -> None:
    with Receiver() as receiver:
        job = telling.submit("echo", callback_url=receiver.url)
        eventually(lambda: receiver.heard)
        body = receiver.heard[0].verified(secret(telling, receiver.url))
        assert (body["type"], body["data"]["id"], body["data"]["link"]) == ("job.succeeded", job["id"], job["links"]["self"])
        eventually(lambda: deliveries(telling, job)[0]["state"] == "delivered")


def test_a_worker_that_dies_at_a_job_and_a_job_that_fails_are_told_once(telling: Stack, tmp_path: Path) -> None:
    with Receiver() as receiver:
        died = telling.submit("die_once", marker=str(tmp_path / "marker"), callback_url=receiver.url)
        failed = telling.submit("refuse", callback_url=receiver.url)
        eventually(lambda: len(receiver.heard) == 2)
        events = {heard.job: heard.verified(secret(telling, receiver.url))["type"] for heard in receiver.heard}
    assert events == {died["id"]: "job.succeeded", failed["id"]: "job.failed"}


@pytest.mark.parametrize("stop", [Stack.kill, Stack.end])
def test_a_housekeeping_that_ends_while_it_tells_loses_nothing(telling: Stack, stop: Callable[[Stack, str], None]) -> None:
    hold = threading.Event()

    def held(connection: socket.socket) -> None:
        hold.wait(60)

    with Receiver(held) as receiver:
        job = telling.submit("echo", callback_url=receiver.url)
        eventually(lambda: receiver.heard)
        stop(telling, "housekeeping")
        receiver.answer = OK
        hold.set()
        telling.programs["housekeeping"].start()
        eventually(lambda: deliveries(telling, job)[0]["state"] == "delivered")
    assert len({heard.headers["webhook-id"] for heard in receiver.heard}) == 1
    assert len(receiver.heard) == 2
    assert deliveries(telling, job)[0]["attempts"][-1]["status"] == 204
