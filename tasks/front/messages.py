"""What passes between an ASGI server and an application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def disconnected(receive: Receive) -> None:
    """Return once the client has left; what is unread of its body is dropped."""
    while (await receive())["type"] != "http.disconnect":
        pass
