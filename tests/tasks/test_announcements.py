"""The end of a job is told to whoever listens, and nobody waits for an answer to that."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from fitsize.broker import embedded_broker
from tasks.wakeups import CHANNEL, SilentSender, redis_url
from tests.stack import eventually


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """Starts the broker, or starts it anew; a client of it."""
    broker = embedded_broker(tmp_path)
    with ExitStack() as running:

        def started() -> Any:
            running.close()
            process = running.enter_context(subprocess.Popen(broker.command, stdout=subprocess.DEVNULL))
            running.callback(process.kill)
            eventually(broker.answers, 15)
            return redis.Redis.from_url(redis_url(broker.url) or "")

        yield started


def heard(listener: redis.client.PubSub) -> bytes | None:
    message = listener.get_message(ignore_subscribe_messages=True, timeout=5) or listener.get_message(timeout=5)
    return message["data"] if message else None


def test_what_is_sent_silently_is_heard_and_its_connection_can_still_ask(start: Callable[[], Any]) -> None:
    client = start()
    with client.pubsub() as listener:
        listener.subscribe(CHANNEL)
        listener.get_message(timeout=5)
        sender = SilentSender(client)
        for job in ("first", "second"):
            sender.send("PUBLISH", CHANNEL, job)
        assert (heard(listener), heard(listener), sender.dead()) == (b"first", b"second", False)


def test_a_broker_that_was_started_anew_hears_the_next_announcement(start: Callable[[], Any]) -> None:
    sender = SilentSender(start())
    sender.send("PUBLISH", CHANNEL, "to nobody")
    with start().pubsub() as listener:
        listener.subscribe(CHANNEL)
        listener.get_message(timeout=5)
        sender.send("PUBLISH", CHANNEL, "after")
        assert heard(listener) == b"after"


def test_a_broker_that_is_away_is_an_error_of_redis(start: Callable[[], Any]) -> None:
    client = start()
    sender = SilentSender(client)
    sender.send("PUBLISH", CHANNEL, "to nobody")
    client.shutdown(nosave=True)
    with pytest.raises(redis.RedisError):
        eventually(lambda: sender.send("PUBLISH", CHANNEL, "to nobody"), 10)  # it ends a moment after it says so


def test_a_child_does_not_write_into_its_parents_socket(start: Callable[[], Any]) -> None:
    sender = SilentSender(start())
    sender.send("PUBLISH", CHANNEL, "to nobody")
    if (child := os.fork()) == 0:
        os._exit(0 if sender.connection._sock is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert not sender.dead()
