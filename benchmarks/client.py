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

    A request without an answer after `answer_seconds` is given up, as a `TimeoutError`.
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


@dataclass
class Seen:
    """`milliseconds` from the submit to the result, one a job, in the order of their ends; `answers` counts status and state."""

    milliseconds: list[float] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
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


def request(load: Load) -> bytes:
    prefer = "" if load.poll else "Prefer: wait=30\r\n"
    head = f"POST {load.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{prefer}{authorization(load)}"
    return f"{head}Content-Length: {len(load.body)}\r\n\r\n{load.body}".encode()


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


async def client(load: Load, left: Iterator[int], seen: Seen, answers: Counter[str]) -> None:
    connection = await connect(load)
    submit = request(load)
    for _ in left:
        started = time.perf_counter()
        if connection.over:
            connection.transport.close()
            connection = await connect(load)
        try:
            answers[await one_job(connection, load, submit)] += 1
        except (OSError, TimeoutError) as error:
            answers[type(error).__name__] += 1
            connection = await connect(load)
        seen.milliseconds.append((time.perf_counter() - started) * 1000)
        if load.pause_seconds:
            await asyncio.sleep(load.pause_seconds)
    connection.transport.close()


async def run(load: Load) -> Seen:
    seen, answers, left = Seen(), Counter[str](), iter(range(load.jobs))
    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client(load, left, seen, answers) for _ in range(load.clients)))
    seen.seconds, seen.cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    seen.answers = dict(answers)
    return seen


def main() -> None:
    load = Load(**json.load(sys.stdin))
    json.dump(asdict(uvloop.run(run(load))), sys.stdout)


if __name__ == "__main__":
    main()
