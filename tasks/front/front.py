"""Clients that wait for a job are held here, without a thread or a connection; Django answers before and after.

A view that may wait answers at once with the header HOLD, "<job id> <seconds>". The front keeps that answer back and holds the client
until the job ends or the seconds are over. Then it asks Django again, with the job's id under FRONT; the client reads only that second
answer.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from tasks.front.bridge import Bridge
from tasks.front.endings import Endings
from tasks.front.messages import Message, Receive, Send, disconnected
from tasks.waiting import FRONT, HOLD

HOLD_HEADER = HOLD.lower().encode()


class Front:
    """ASGI application around Django."""

    def __init__(self, django: Bridge, endings: Endings) -> None:
        self.django = django
        self.endings = endings

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.lifespan(receive, send)
        elif scope["type"] == "http":
            await self.first_pass(scope, receive, send)

    async def first_pass(self, scope: Message, receive: Receive, send: Send) -> None:
        holds: list[bytes] = []

        async def send_unless_held(message: Message) -> None:
            holds.extend(take_holds(message))
            if not holds:
                await send(message)

        await self.django({**scope, FRONT: ""}, receive, send_unless_held)
        if holds:
            job, seconds = holds[0].decode().split()
            if await self.hold(job, float(seconds), receive):
                await self.second_pass(scope, job, send)

    async def hold(self, job: str, seconds: float, receive: Receive) -> bool:
        """Return when the job has ended or the time is over; False if the client has left."""
        left = asyncio.ensure_future(disconnected(receive))
        try:
            await asyncio.wait({self.endings.ending(job), left}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return not left.done()
        finally:
            left.cancel()

    async def second_pass(self, scope: Message, job: str, send: Send) -> None:
        """Same path and headers, no body."""
        headers = [header for header in scope["headers"] if not describes_body(header[0])]
        answer = await self.django.again({**scope, "headers": headers, FRONT: job})
        take_holds(answer[0])
        await self.django.send(answer, send)

    async def lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self.stop_on_sigterm()
        tasks = [asyncio.create_task(self.endings.listen()), asyncio.create_task(self.endings.reread())]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await send({"type": "lifespan.shutdown.complete"})

    def stop_on_sigterm(self) -> None:
        """Everybody goes with the job as it is. The server would wait for its waiters, and ends the lifespan only after them."""
        loop = asyncio.get_running_loop()
        server = signal.getsignal(signal.SIGTERM)

        def stop(number: int, frame: Any) -> None:
            loop.call_soon_threadsafe(self.endings.stop)
            if callable(server):
                server(number, frame)

        signal.signal(signal.SIGTERM, stop)


def take_holds(message: Message) -> list[bytes]:
    """The internal header's values, removed from the message."""
    if message["type"] != "http.response.start":
        return []
    holds = [value for name, value in message["headers"] if name == HOLD_HEADER]
    message["headers"] = [header for header in message["headers"] if header[0] != HOLD_HEADER]
    return holds


def describes_body(name: bytes) -> bool:
    return name.startswith(b"content-") or name in (b"transfer-encoding", b"expect")
