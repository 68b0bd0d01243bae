"""Django's WSGI application for an ASGI server, in a few threads that never wait for a client.

The body is read before a thread is taken; the answer leaves after the thread is given back. asgiref's own `WsgiToAsgi` runs one thread
and sends from inside it, so a slow reader would hold it; its translation of a scope into a WSGI environ is used here.
"""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from typing import IO, Any

from asgiref.wsgi import WsgiToAsgiInstance

from tasks.errors import Code
from tasks.front.bodies import SMALL_BYTES, Body, ClientLeft, Patience, Room, TooSlow
from tasks.front.messages import Message, Receive, Send
from tasks.languages import sentence
from tasks.large_bodies import ANNOUNCED, GO_ON, REFUSED
from tasks.waiting import FRONT

TOGETHER = 8
GO_ON_HEADER = GO_ON.lower().encode()

Answer = tuple[Message, bytes | None, Any]


class NotWanted(Exception):
    """The body is not read: this is the answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


class Bridge:
    """`folder` holds bodies above 1 MB while they are received. One large JSON body at a time is with Django: it has to be in memory whole,
    three times over. One thread is with clients that have waited: thousands of jobs that end together leave room for new requests."""

    def __init__(
        self,
        wsgi: Callable[..., Any],
        *,
        threads: int,
        folder: str,
        room: Room | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.wsgi = wsgi
        self.folder = folder
        self.waiting: deque[tuple[Message, asyncio.Future[Answer]]] = deque()
        self.runner: asyncio.Task[None] | None = None
        self.room = room or Room()
        self.patience = patience or Patience()
        self.large_json = asyncio.Semaphore(1)
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="django")

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.pool, function, *arguments)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        with Body(self.folder, self.room, self.patience, self.run) as body:
            try:
                await self.read(scope, receive, body)
                answer = await self.answered(scope, body)
            except NotWanted as refusal:
                await self.refuse(refusal.answer, announced_bytes(scope), receive, send)
                return
            except ClientLeft:
                return
            except TooSlow:
                answer = await self.refused(scope, Code.REQUEST_TIMEOUT)
        await self.send(answer, send)

    async def refuse(self, answer: Answer, size: int, receive: Receive, send: Send) -> None:
        """The answer at once; then what still comes is read away, or a connection that is closed over it would take the answer with it."""
        start, content, _ = answer
        await send(start)
        await send({"type": "http.response.body", "body": content or b"", "more_body": True})
        await drained(receive, size or SMALL_BYTES, self.patience.grace_seconds)
        await send({"type": "http.response.body", "body": b""})

    async def send(self, answer: Answer, send: Send) -> None:
        start, content, response = answer
        await send(start)
        if content is None:
            await self.stream(response, send)
        await send({"type": "http.response.body", "body": content or b""})

    async def again(self, scope: Message) -> Answer:
        """The answer to a second pass, which has no body. Those that come together share their way to a thread and back: for thousands of
        clients whose jobs end at once that way costs as much as the answer."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.waiting.append((scope, answer))
        if self.runner is None or self.runner.done():
            self.runner = asyncio.create_task(self.answer_waiting())
        return await answer

    async def answer_waiting(self) -> None:
        while self.waiting:
            together = [self.waiting.popleft() for _ in range(min(TOGETHER, len(self.waiting)))]
            answers = await self.run(self.answers, [scope for scope, _ in together])
            for (_, waiting), answer in zip(together, answers, strict=True):
                if waiting.done():  # its client has left
                    continue
                if isinstance(answer, Exception):
                    waiting.set_exception(answer)
                else:
                    waiting.set_result(answer)

    def answers(self, scopes: list[Message]) -> list[Answer | Exception]:
        """In a thread."""
        found: list[Answer | Exception] = []
        for scope in scopes:
            try:
                found.append(self.answer(environ(scope, BytesIO(), 0)))
            except Exception as error:  # it is raised where that one client is answered
                found.append(error)
        return found

    async def answered(self, scope: Message, body: Body) -> Answer:
        large_json = body.size > SMALL_BYTES and b"json" in header(scope, b"content-type")
        if not large_json:
            small: Answer = await self.run(self.answer, environ(scope, body.file, body.size))
            return small
        async with self.large_json:
            answer: Answer = await self.run(self.answer, environ(scope, body.file, body.size))
            await self.run(gc.collect)  # requests are cycles: each would keep its body until the collector comes by
            return answer

    async def read(self, scope: Message, receive: Receive, body: Body) -> None:
        """The whole body; a large one only once Django has said that it may come. Raises NotWanted, ClientLeft, TooSlow."""
        size = announced_bytes(scope)
        most = SMALL_BYTES if size <= SMALL_BYTES else await self.ask(scope, size)
        while not body.whole:
            await body.receive(receive)
            if body.size > most:
                if most != SMALL_BYTES:
                    said = sentence("A request to this address has at most %(most)s bytes.", most=most)
                    raise NotWanted(await self.refused(scope, Code.TOO_LARGE, said))
                most = await self.ask(scope, body.size)
        body.file.seek(0)

    async def ask(self, scope: Message, size: int) -> int:
        """How many bytes the body of this request may have. Raises NotWanted."""
        answer: Answer = await self.run(self.answer, {**environ(scope, BytesIO(), size), ANNOUNCED: size})
        most = dict(answer[0]["headers"]).get(GO_ON_HEADER)
        if most is None:
            raise NotWanted(answer)
        return int(most)

    async def refused(self, scope: Message, code: Code, detail: str = "") -> Answer:
        """The last answer on this connection: what still comes of the body has no end that anybody knows."""
        answer: Answer = await self.run(self.answer, {**environ(scope, BytesIO(), 0), REFUSED: (code, detail)})
        answer[0]["headers"].append((b"connection", b"close"))
        return answer

    def answer(self, environ: dict[str, Any]) -> Answer:
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


def announced_bytes(scope: Message) -> int:
    announced = header(scope, b"content-length")
    return int(announced) if announced.isdigit() else 0


async def drained(receive: Receive, most_bytes: int, seconds: float) -> None:
    """Read the rest of a body and forget it, within limits."""
    received, more = 0, True
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while more and received <= most_bytes:
                message = await receive()
                received += len(message.get("body", b""))
                more = bool(message.get("more_body"))


def header(scope: Message, wanted: bytes) -> bytes:
    return next((value for name, value in scope["headers"] if name == wanted), b"")


def environ(scope: Message, body: IO[bytes], size: int) -> dict[str, Any]:
    """The WSGI environ. A header with an underscore is dropped: it would pass for one with a dash."""
    translator = WsgiToAsgiInstance(None)
    translator.scope = {**scope, "headers": [header for header in scope["headers"] if b"_" not in header[0]]}
    result: dict[str, Any] = translator.build_environ(translator.scope, body)
    result["CONTENT_LENGTH"] = str(size)
    result[FRONT] = scope[FRONT]
    return result
