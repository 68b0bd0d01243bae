"""The two signals: "there is work of this kind" (a Celery message) and "this job ended" (publish/subscribe).

Both may be lost: housekeeping sends the first again, the front reads the table for the second. So neither ever fails a request.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import redis
from celery import current_app
from django.conf import settings
from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.pools import ProducerPool, producers, reset

logger = logging.getLogger(__name__)
CHANNEL = "fitsize.ended"
SILENTLY = ("CLIENT", "REPLY", "SKIP")  # Redis does not answer the next command
RUN_JOBS = "tasks.run_jobs"
TROUBLE = (redis.RedisError, OperationalError, OSError)


def redis_url(broker_url: str) -> str | None:
    """The broker's address as redis-py writes it; None if the broker is not a Redis."""
    parts = urlsplit(broker_url)
    if parts.scheme == "redis+socket":
        return f"unix://{parts.path}"
    return broker_url if parts.scheme in ("redis", "rediss") else None


class Breaker:
    """After a failure nothing is tried for a while: one timed-out publish per window, however many requests come.

    `lock` is held while something is tried: who comes at the same time waits for the outcome, and then finds the breaker open.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.open_until = 0.0
        self.lock = threading.Lock()

    def closed(self) -> bool:
        return time.monotonic() >= self.open_until

    def trip(self) -> None:
        self.open_until = time.monotonic() + self.seconds


class SilentSender:
    """Commands to Redis whose answer nobody waits for, for there is none. A connection of its own: a pool's care costs more than they do.

    For one thread at a time.
    """

    def __init__(self, client: redis.Redis) -> None:
        self.connection: Any = client.connection_pool.make_connection()
        os.register_at_fork(after_in_child=self.connection.disconnect)  # a child must not write into its parent's socket

    def send(self, *command: str) -> None:
        """Raises redis.RedisError."""
        if self.dead():
            self.connection.disconnect()
        self.connection.send_packed_command(self.connection.pack_commands([SILENTLY, command]), check_health=False)

    def dead(self) -> bool:
        """There is nothing to read but the end."""
        try:
            return bool(self.connection.can_read())
        except redis.ConnectionError:
            return True


class Broker:
    """A publisher's connections, with time-outs of its own: a consumer may wait for a broker, a request may not."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.breaker = Breaker(settings.BREAKER_SECONDS)
        seconds = settings.PUBLISH_TIMEOUT_SECONDS
        address = redis_url(url)
        self.redis = redis.Redis.from_url(address, socket_timeout=seconds, socket_connect_timeout=seconds) if address else None
        self.silent = SilentSender(self.redis) if self.redis else None
        options = {**settings.CELERY_BROKER_TRANSPORT_OPTIONS, "socket_timeout": seconds, "socket_connect_timeout": seconds}
        options |= {"max_retries": 0, "interval_start": 0, "interval_step": 0, "interval_max": 0}
        self.connection = Connection(url, transport_options=options)

    @property
    def producers(self) -> ProducerPool:
        pool: ProducerPool = producers[self.connection]
        return pool

    def message_waits(self, kind: str) -> bool:
        return bool(self.redis and self.redis.llen(kind))

    def waits_for_sure(self, kind: str) -> bool:
        """Whether a message waits; a broker that cannot be asked gives no answer."""
        try:
            return self.message_waits(kind)
        except TROUBLE:
            return False

    def publish(self, kind: str) -> None:
        with self.producers.acquire(block=True, timeout=settings.PUBLISH_TIMEOUT_SECONDS) as producer:
            current_app.send_task(RUN_JOBS, args=[kind], queue=kind, producer=producer, retry=False, ignore_result=True)


broker = Broker(settings.BROKER_URL)  # made at import: made lazily by several threads, the loser's end disconnects the winner
os.register_at_fork(after_in_child=reset)  # a child must not write into its parent's sockets


def wake(kind: str) -> bool:
    """Make sure that a message waits for this kind. Call it after the commit: whoever pops a waiting message then sees the row.

    False if the broker could not be reached; housekeeping sends what was not sent.
    """

    def send() -> None:
        if not broker.message_waits(kind):
            broker.publish(kind)

    return tried(send, f"no wake-up for {kind}, housekeeping will send it")


def announce(job: str) -> None:
    """Tell the fronts that a job ended. Without it their clients wait for the next re-read."""
    if sender := broker.silent:
        tried(lambda: sender.send("PUBLISH", CHANNEL, job), f"the end of {job} was not announced")


def tried(ask: Callable[[], object], missed: str) -> bool:
    """Ask something of the broker, unless the breaker is open; `missed` says in the log what a failure means."""
    with broker.breaker.lock:
        if not broker.breaker.closed():
            return False
        try:
            ask()
        except TROUBLE as error:
            broker.breaker.trip()
            logger.warning("%s: %s", missed, error)
            return False
        return True
