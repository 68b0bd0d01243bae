"""A request's body while it arrives: bounded in bytes, in memory over all requests, and in time."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tasks.front.messages import Message, Receive

SMALL_BYTES = 1 << 20
ROOM_BYTES = 64 << 20
Run = Callable[..., Awaitable[Any]]


class ClientLeft(Exception):
    """The client left before the end of its body: what came is no request."""


class TooSlow(Exception):
    """The body comes too slowly, or not at all any more."""


@dataclass(frozen=True)
class Patience:
    """With a body that comes slowly: so long without a byte, and on the whole not slower than this after so long."""

    idle_seconds: float = 60.0
    grace_seconds: float = 60.0
    bytes_per_second: float = 1000.0


@dataclass
class Room:
    """What bodies of all requests may hold in memory together while they arrive. Beyond it they go to the disk, however small."""

    most_bytes: int = ROOM_BYTES
    held_bytes: int = 0


class Body:
    """Up to 1 MB in memory, if there is room; above that in a temporary file, written by `run` in a thread."""

    def __init__(self, folder: str, room: Room, patience: Patience, run: Run) -> None:
        self.file = tempfile.SpooledTemporaryFile[bytes](dir=folder)  # closed by __exit__
        self.room = room
        self.patience = patience
        self.run = run
        self.started = asyncio.get_running_loop().time()
        self.size = 0
        self.held_bytes = 0
        self.on_disk = False
        self.whole = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.hold(-self.held_bytes)
        self.file.close()

    async def receive(self, receive: Receive) -> None:
        """One more piece. Raises ClientLeft or TooSlow."""
        message = await self.next(receive)
        if message["type"] != "http.request":
            raise ClientLeft
        self.whole = not message.get("more_body")
        piece = message.get("body", b"")
        self.size += len(piece)
        if self.on_disk or self.size > SMALL_BYTES or self.room.held_bytes + len(piece) > self.room.most_bytes:
            await self.run(self.write_to_disk, piece)
        else:
            self.hold(len(piece))
            self.file.write(piece)

    async def next(self, receive: Receive) -> Message:
        elapsed = asyncio.get_running_loop().time() - self.started
        left = self.patience.grace_seconds + self.size / self.patience.bytes_per_second - elapsed
        try:
            async with asyncio.timeout(min(self.patience.idle_seconds, left)):
                return await receive()
        except TimeoutError:
            raise TooSlow from None

    def write_to_disk(self, piece: bytes) -> None:
        if not self.on_disk:
            self.file.rollover()
            self.on_disk = True
            self.hold(-self.held_bytes)
        self.file.write(piece)

    def hold(self, size: int) -> None:
        self.held_bytes += size
        self.room.held_bytes += size
