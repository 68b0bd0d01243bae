"""Django's WSGI application for an ASGI server, in a few threads that never wait for a client.

The body is read before a thread is taken; the answer leaves after the thread is given back. asgiref's own `WsgiToAsgi` runs one thread
and sends from inside it, so a slow reader would hold it; its translation of a scope into a WSGI environ is used here.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from asgiref.wsgi import WsgiToAsgiInstance
from django.utils.translation import get_language

from tasks.errors import Code, document
from tasks.front.messages import Message, Receive, Send, respond
from tasks.languages import localized, sentence, speaking
from tasks.problems import MEDIA_TYPE
from tasks.waiting import FRONT

SPOOLED_BYTES = 1 << 20


class BodyTooLarge(Exception):
    """The body is larger than the largest upload."""


class ClientLeft(Exception):
    """The client left before the end of its body: what came is no request."""


class Bridge:
    """`most_bytes` is the largest body; `folder` holds bodies above 1 MB while they are received."""

    def __init__(self, wsgi: Callable[..., Any], *, threads: int, most_bytes: int, folder: str) -> None:
        self.wsgi = wsgi
        self.most_bytes = most_bytes
        self.folder = folder
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="django")

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.pool, function, *arguments)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        with tempfile.SpooledTemporaryFile(SPOOLED_BYTES, dir=self.folder) as body:
            try:
                await self.read(scope, receive, body)
            except ClientLeft:
                return
            except BodyTooLarge:
                await self.refuse(send, header(scope, b"accept-language"))
                return
            start, content, response = await self.run(self.answer, environ(scope, body))
        await send(start)
        if content is None:
            await self.stream(response, send)
        await send({"type": "http.response.body", "body": content or b""})

    async def read(self, scope: Message, receive: Receive, body: tempfile.SpooledTemporaryFile[bytes]) -> None:
        """The whole body into the file, refused by its announced length before a byte is read. Writing to the disk is done in a thread."""
        if announced_bytes(scope) > self.most_bytes:
            raise BodyTooLarge
        received = 0
        while (message := await receive())["type"] == "http.request":
            chunk = message.get("body", b"")
            received += len(chunk)
            if received > self.most_bytes:
                raise BodyTooLarge
            if received > SPOOLED_BYTES:
                await self.run(body.write, chunk)
            else:
                body.write(chunk)
            if not message.get("more_body"):
                body.seek(0)
                return
        raise ClientLeft

    def answer(self, environ: dict[str, Any]) -> tuple[Message, bytes | None, Any]:
        """Start, content and response, in a thread; a streaming response has no content yet."""
        start: Message = {"type": "http.response.start"}

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            start["status"] = int(status[:3])
            start["headers"] = [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in headers]

        response = self.wsgi(environ, start_response)
        if getattr(response, "streaming", False):
            return start, None, response
        content = b"".join(response)
        response.close()
        if not response.has_header("Content-Length"):
            start["headers"].append((b"content-length", b"%d" % len(content)))
        return start, content, response

    async def stream(self, response: Any, send: Send) -> None:
        """Piece by piece: a thread for each piece, none while the client reads."""
        pieces: Iterator[bytes] = iter(response)
        try:
            while (piece := await self.run(next, pieces, None)) is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        finally:
            await self.run(response.close)

    async def refuse(self, send: Send, accept: str) -> None:
        said = sentence("A request has at most %(most)s bytes.", most=self.most_bytes)
        with speaking(accept):
            body = json.dumps(localized(document(Code.TOO_LARGE, said))).encode()
            language = get_language() or ""
        await respond(send, 413, body, content_type=MEDIA_TYPE, content_language=language, vary="Accept-Language")


def header(scope: Message, name: bytes) -> str:
    return next((value.decode("latin1") for sent, value in scope["headers"] if sent == name), "")


def announced_bytes(scope: Message) -> int:
    announced = header(scope, b"content-length")
    return int(announced) if announced.isascii() and announced.isdigit() else 0


def environ(scope: Message, body: IO[bytes]) -> dict[str, Any]:
    """The WSGI environ. A header with an underscore is dropped: it would pass for one with a dash."""
    translator = WsgiToAsgiInstance(None)
    translator.scope = {**scope, "headers": [header for header in scope["headers"] if b"_" not in header[0]]}
    result: dict[str, Any] = translator.build_environ(translator.scope, body)
    result["CONTENT_LENGTH"] = str(body.seek(0, 2))
    body.seek(0)
    result[FRONT] = scope[FRONT]
    return result
