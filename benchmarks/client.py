"""Closed-loop clients in a process of their own: `python -m benchmarks.client` reads a load on standard input, prints what it saw.

Bare keep-alive sockets on one event loop, 0.3 ms of CPU a job: the usual HTTP libraries cost more
than the engine that is measured.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import uvloop

ROOT = Path(__file__).resolve().parent.parent
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
BODILESS = (b"204", b"304")
LAST = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclass(frozen=True)
class Load:
    """`jobs` requests by `clients` at once, each `pause_seconds` after the answer before it. With `poll` results come by `?wait=`.

    A request without an answer after `answer_seconds` is given up, as a `TimeoutError`. Each `odd_every`-th request goes to `odd_path` with
    `odd_body`, in which `NUMBER` stands for the number of the request.
    """

    port: int
    path: str
    body: str
    jobs: int
    clients: int = 1
    key: str = ""
    poll: bool = False
    pause_seconds: float = 0.0
    answer_seconds: float = 60.0
    odd_every: int = 0
    odd_path: str = ""
    odd_body: str = ""

    def is_odd(self, number: int) -> bool:
        return bool(self.odd_every) and number % self.odd_every == self.odd_every - 1


@dataclass
class Seen:
    """`milliseconds` from the submit to the result, one a job, in the order of their ends: `ends` are their status and state, which
    `answers` counts, `moments` the seconds since the start at which they ended. Odd requests are in `odd_answers` alone.
    """

    milliseconds: list[float] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    odd_answers: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0


def drive(load: Load, patience_seconds: float = 900.0) -> Seen:
    """Run this load in a process of its own. Raises CalledProcessError or TimeoutExpired if that fails."""
    command = [sys.executable, "-m", "benchmarks.client"]
    done = subprocess.run(
        command, cwd=ROOT, input=json.dumps(asdict(load)), stdout=subprocess.PIPE, text=True, check=True, timeout=patience_seconds
    )
    return Seen(**json.loads(done.stdout))


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request at a time; a server that hangs up raises ConnectionError in `ask`.

    `over`: the server takes no further request here.
    """

    def __init__(self, answer_seconds: float) -> None:
        self.answer_seconds = answer_seconds
        self.received = bytearray()
        self.over = False
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its type

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        without_body = bool(end) and head[9:12] in BODILESS
        if self.answer and (without_body or (length and len(body) >= int(length[1]))):
            self.over = LAST.search(head) is not None
            self.received.clear()
            self.answer.set_result((int(head[9:12]), bytes(body)))

    def connection_lost(self, error: Exception | None) -> None:
        self.over = True
        if self.answer and not self.answer.done():
            self.answer.set_exception(ConnectionResetError("the server hung up"))

    async def ask(self, request: bytes) -> tuple[int, dict[str, Any]]:
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        status, body = await asyncio.wait_for(self.answer, self.answer_seconds)
        return status, json.loads(body) if body.startswith(b"{") else {}


async def connect(load: Load) -> Connection:
    _, connection = await asyncio.get_running_loop().create_connection(lambda: Connection(load.answer_seconds), "127.0.0.1", load.port)
    return connection


def request(load: Load, path: str, body: str) -> bytes:
    prefer = "" if load.poll else "Prefer: wait=30\r\n"
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{prefer}{authorization(load)}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def odd_request(load: Load, number: int) -> bytes:
    return request(load, load.odd_path, load.odd_body.replace("NUMBER", str(number)))


def look(load: Load, job: dict[str, Any]) -> bytes:
    return f"GET {job['links']['self']}?wait=30 HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization(load)}\r\n".encode()


def authorization(load: Load) -> str:
    return f"Authorization: Bearer {load.key}\r\n" if load.key else ""


async def one_job(connection: Connection, load: Load, submit: bytes) -> str:
    """Submit and see the result; how that ended."""
    status, job = await connection.ask(submit)
    while load.poll and job.get("state") in ("queued", "running"):
        status, job = await connection.ask(look(load, job))
    return f"{status} {job.get('state', job.get('code'))}"


class Client:
    """One connection after another to the same server, each for as long as the server keeps it."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.connection: Connection | None = None

    async def job(self, submit: bytes) -> str:
        """How it ended: the answer, or the error if there was none, such as `ConnectionRefusedError` from a server that is gone."""
        try:
            if self.connection is None or self.connection.over:
                self.hang_up()
                self.connection = await asyncio.wait_for(connect(self.load), self.load.answer_seconds)
            return await one_job(self.connection, self.load, submit)
        except (OSError, TimeoutError) as error:
            self.hang_up()  # an answer that comes after all must not be taken for the next one's
            return type(error).__name__

    def hang_up(self) -> None:
        if self.connection is not None:
            self.connection.transport.close()
        self.connection = None


async def client(load: Load, left: Iterator[int], seen: Seen, start: float) -> None:
    sender, usual = Client(load), request(load, load.path, load.body)
    for number in left:
        started, is_odd = time.perf_counter(), load.is_odd(number)
        end = await sender.job(odd_request(load, number) if is_odd else usual)
        if is_odd:
            seen.odd_answers[end] = seen.odd_answers.get(end, 0) + 1
        else:
            now = time.perf_counter()
            seen.milliseconds.append((now - started) * 1000)
            seen.ends.append(end)
            seen.moments.append(now - start)
        if load.pause_seconds:
            await asyncio.sleep(load.pause_seconds)
    sender.hang_up()


async def run(load: Load) -> Seen:
    seen, left = Seen(), iter(range(load.jobs))
    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client(load, left, seen, started) for _ in range(load.clients)))
    seen.seconds, seen.cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    seen.answers = dict(Counter(seen.ends))
    return seen


def main() -> None:
    load = Load(**json.load(sys.stdin))
    json.dump(asdict(uvloop.run(run(load))), sys.stdout)


if __name__ == "__main__":
    main()
