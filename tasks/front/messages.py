"""What passes between an ASGI server and an application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


async def no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def disconnected(receive: Receive) -> None:
    """Return once the client has left; what is unread of its body is dropped."""
    while (await receive())["type"] != "http.disconnect":
        pass


SAFE = [(b"x-content-type-options", b"nosniff"), (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")]
"""As all answers of Django have them."""


async def respond(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(body)), (b"connection", b"close"), *SAFE]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
