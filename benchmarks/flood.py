"""As many requests as a server takes: `python -m benchmarks.flood` reads a flood on standard input, prints what it saw.

Bare keep-alive sockets on one event loop, as in `benchmarks.client`: each sends its next request when it has its answer.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import uvloop

from benchmarks.client import ROOT, Connection


@dataclass(frozen=True)
class Flood:
    """`clients` at once for so many seconds; client n sends request n of `requests`, round about, again and again."""

    port: int
    requests: Sequence[str]
    seconds: float
    clients: int = 30


@dataclass
class Answers:
    """`answers` counts statuses; the last ones come after the time is over, and `seconds` is until then."""

    answers: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def count(self) -> int:
        return sum(self.answers.values())


def pour(flood: Flood) -> Answers:
    """Run this flood in a process of its own. Raises CalledProcessError or TimeoutExpired if that fails."""
    command = [sys.executable, "-m", "benchmarks.flood"]
    patience = flood.seconds + 60
    done = subprocess.run(
        command, cwd=ROOT, input=json.dumps(asdict(flood)), stdout=subprocess.PIPE, text=True, check=True, timeout=patience
    )
    return Answers(**json.loads(done.stdout))


async def client(flood: Flood, request: bytes, end: float, answers: Counter[str]) -> None:
    """A connection that breaks is an error of this program: no answer may be missing."""
    _, connection = await asyncio.get_running_loop().create_connection(lambda: Connection(60), "127.0.0.1", flood.port)
    while time.perf_counter() < end:
        status, _ = await connection.ask(request)
        answers[str(status)] += 1
    connection.transport.close()


async def run(flood: Flood) -> Answers:
    counted, started, cpu = Counter[str](), time.perf_counter(), time.process_time()
    requests = [flood.requests[number % len(flood.requests)].encode() for number in range(flood.clients)]
    await asyncio.gather(*(client(flood, request, started + flood.seconds, counted) for request in requests))
    return Answers(dict(counted), time.perf_counter() - started, time.process_time() - cpu)


def main() -> None:
    json.dump(asdict(uvloop.run(run(Flood(**json.load(sys.stdin))))), sys.stdout)


if __name__ == "__main__":
    main()
