"""Which jobs have ended, as one web process hears of it: by announcement, and by a look at all jobs that are waited for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from weakref import WeakValueDictionary

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tasks.wakeups import CHANNEL

REMEMBERED_SECONDS = 10
REREAD_SECONDS = 5
RECONNECT_SECONDS = 1
logger = logging.getLogger(__name__)
Ending = asyncio.Future[None]


class Endings:
    """`ended_among` tells which of some jobs have ended; it runs in a thread. Without a Redis only that look tells."""

    def __init__(self, redis_url: str | None, ended_among: Callable[[list[str]], Iterable[str]]) -> None:
        self.redis_url = redis_url
        self.ended_among = ended_among
        self.waited_for: WeakValueDictionary[str, Ending] = WeakValueDictionary()  # an entry lives as long as somebody waits
        self.ended_at: dict[str, float] = {}
        self.stopping = False

    def ending(self, job: str) -> Ending:
        """Done when the job has ended, also if it ended a moment ago, or when the server stops. All who wait for a job have the same
        one: nobody may cancel it."""
        ending = self.waited_for.get(job)
        if ending is None:
            ending = self.waited_for[job] = asyncio.get_running_loop().create_future()
            if job in self.ended_at or self.stopping:
                ending.set_result(None)
        return ending

    def add(self, job: str) -> None:
        now = time.monotonic()
        self.ended_at.pop(job, None)
        self.ended_at[job] = now
        while self.ended_at[oldest := next(iter(self.ended_at))] < now - REMEMBERED_SECONDS:
            del self.ended_at[oldest]
        if (ending := self.waited_for.get(job)) and not ending.done():
            ending.set_result(None)

    def stop(self) -> None:
        self.stopping = True
        for ending in list(self.waited_for.values()):
            if not ending.done():
                ending.set_result(None)

    async def listen(self) -> None:
        """Hear announcements for ever; a broker that is away costs its waiters REREAD_SECONDS, not their answer."""
        if self.redis_url is None:
            return
        troubled = False
        while True:
            try:
                async with (
                    Redis.from_url(self.redis_url, socket_timeout=None) as redis,
                    redis.pubsub(ignore_subscribe_messages=True) as heard,
                ):
                    await heard.subscribe(CHANNEL)
                    troubled = False
                    async for message in heard.listen():
                        self.add(message["data"].decode())
            except (RedisError, OSError) as error:
                if not troubled:
                    logger.warning("no announcements, clients may wait %s s longer: %s", REREAD_SECONDS, error)
                troubled = True
            await asyncio.sleep(RECONNECT_SECONDS)

    async def reread(self) -> None:
        while True:
            await asyncio.sleep(REREAD_SECONDS)
            await self.look()

    async def look(self) -> None:
        if not (jobs := list(self.waited_for)):
            return
        try:
            for job in await asyncio.to_thread(self.ended_among, jobs):
                self.add(job)
        except Exception:
            logger.exception("the waiters' jobs could not be read")
