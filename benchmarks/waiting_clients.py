"""Two clients of `benchmarks.waiters`, each a process of its own: many that wait, and one that asks /livez all the time.

`python -m benchmarks.waiting_clients wait|probe` reads what it is to do as JSON on standard input and prints what it saw. Times are of
the machine's monotonic clock, so those of several processes compare.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import sys
import time
from collections import Counter
from typing import Any

import uvloop

from benchmarks.client import Load, authorization, connect

TOGETHER = 50  # connections opened at a time
PAUSE_SECONDS = 0.01


async def wait(port: int, key: str, jobs: list[str]) -> dict[str, Any]:
    """One client for each job; "waiting" is printed once all have sent their request."""
    load = Load(port, "", "", len(jobs), key=key)
    answers, ended_at = Counter[str](), list[float]()
    sent = asyncio.Semaphore(TOGETHER)

    async def one(job: str) -> None:
        async with sent:
            connection = await connect(load)
        request = f"GET /api/v1/jobs/{job}?wait=30 HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization(load)}\r\n"
        try:
            status, document = await connection.ask(request.encode())
            answers[f"{status} {document.get('state', document.get('code'))}"] += 1
        except (OSError, TimeoutError) as error:
            answers[type(error).__name__] += 1
        ended_at.append(time.monotonic())

    clients = [asyncio.create_task(one(job)) for job in jobs]
    await asyncio.sleep(0)
    print("waiting", flush=True)
    await asyncio.gather(*clients)
    return {"answers": dict(answers), "ended_at": ended_at}


async def probe(port: int) -> list[tuple[float, float]]:
    """(when, milliseconds) of each answer of /livez, on one connection, until standard input has a line; "asking" is printed first."""
    connection = await connect(Load(port, "", "", 0))
    print("asking", flush=True)
    over = asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    seen = []
    while not over.done():
        started = time.monotonic()
        await connection.ask(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        seen.append((started, (time.monotonic() - started) * 1000))
        await asyncio.sleep(PAUSE_SECONDS)
    return seen


def main() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    facts = json.loads(sys.stdin.readline())
    print(json.dumps(uvloop.run(wait(**facts) if sys.argv[1] == "wait" else probe(**facts))))


if __name__ == "__main__":
    main()
