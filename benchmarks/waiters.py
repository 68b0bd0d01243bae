"""Thousands of clients that wait: `python -m benchmarks.waiters [--clients 3000] [--rounds 3] [--seconds 5]`.

Each client holds a `GET ?wait=30` of a job of its own at one web process. Meanwhile somebody asks /livez (through Django) all the time,
jobs are submitted, and 50 uploads have stalled. Then all the jobs end within a second; in every round once with a Redis, and once
without: killed before the end, so that no announcement is heard. The exit code is 1 if a client had no answer, an answer took longer
than 6 s (14 s without Redis), or /livez longer than 25 ms (p95) while they wait and while they end.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from benchmarks import machine
from benchmarks.processes import end_in_order_on_sigterm, family, memory
from benchmarks.report import spread, table
from fitsize.settings import GUNICORN_WORKERS
from tasks.wakeups import CHANNEL
from tests.stack import Stack

FOLDER = Path(__file__).resolve().parent.parent / "var" / "benchmarks"
MOST_LIVEZ_MS = 25.0
MOST_SECONDS = {"with Redis": 6.0, "Redis killed": 14.0}
STALLED = 50
JOBS = """
from fitsize.models import User
from tasks.kinds import kinds
from tasks.models import Job
owner = User.objects.get(api_keys__isnull=False)
for _ in range({count}):
    job = Job.objects.submit(owner_id=owner.pk, kind=kinds()["fakes"], operation="echo", parameters={{}}, uploads={{}}, units=1.0)
    print(job.pk)
"""


@dataclass
class Client:
    """A process of `benchmarks.waiting_clients`."""

    process: subprocess.Popen[str]

    def begun(self) -> None:
        """Return when it is connected, and asks."""
        assert self.process.stdout
        assert self.process.stdout.readline()

    def result(self) -> Any:
        return json.loads(self.process.communicate()[0].splitlines()[-1])


@contextmanager
def client(role: str, **facts: Any) -> Iterator[Client]:
    command = [sys.executable, "-m", "benchmarks.waiting_clients", role]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        process.stdin.write(json.dumps(facts) + "\n")
        process.stdin.flush()
        yield Client(process)


def port_of(stack: Stack) -> int:
    return int(stack.bind.rpartition(":")[2])


def queued_jobs(stack: Stack, count: int) -> list[str]:
    return [line for line in stack.manage("shell", "-v0", "-c", JOBS.format(count=count)).split() if len(line) == 36]


def end_together(stack: Stack, jobs: Sequence[str], announced: bool) -> float:
    """All these jobs succeed in one statement; then each is announced, over a second. When the first could be known."""
    names = [(job.replace("-", ""),) for job in jobs]
    with closing(sqlite3.connect(stack.folder / "fitsize.sqlite3", timeout=30)) as database, database:
        ended = "UPDATE tasks_job SET state = 'succeeded', result = '{}', started_at = created_at, finished_at = created_at WHERE id = ?"
        database.executemany(ended, names)
    first = time.monotonic()
    if announced:
        with stack.redis as redis:
            for number, job in enumerate(jobs):
                redis.publish(CHANNEL, job)
                time.sleep(max(first + number / len(jobs) - time.monotonic(), 0))
    return first


@contextmanager
def stalled_uploads(stack: Stack) -> Iterator[None]:
    """Half of them stopped within their first kilobyte, half after two megabytes."""
    clients = []
    for number in range(STALLED):
        upload = socket.create_connection(("127.0.0.1", port_of(stack)))
        head = f"POST /api/v1/fakes/echo HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {stack.key}\r\n"
        body = b"--edge\r\n" + bytes(2_000_000 if number % 2 else 0)
        upload.sendall(f"{head}Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: 3000000\r\n\r\n".encode() + body)
        clients.append(upload)
    try:
        yield
    finally:
        for upload in clients:
            upload.close()


class Submits:
    """One client that submits all the time, from a thread; `seen` are (when, milliseconds)."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.seen: list[tuple[float, float]] = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        while not self.over.wait(0.05):
            started = time.monotonic()
            self.stack.submit("echo", text="in between")
            self.seen.append((started, (time.monotonic() - started) * 1000))

    def __enter__(self) -> Submits:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()


def between(seen: Sequence[Sequence[float]], start: float, end: float) -> list[float]:
    return [milliseconds for when, milliseconds in seen if start <= when < end]


def p95(milliseconds: Sequence[float]) -> float:
    return statistics.quantiles(milliseconds, n=20, method="inclusive")[18]


def held(web: Sequence[psutil.Process], count: int) -> None:
    """Return when so many connections are at the web processes."""
    while sum(process.num_fds() for process in web) < count:
        time.sleep(0.05)
    time.sleep(1)


def resident(web: Sequence[psutil.Process]) -> float:
    """Megabytes of all web processes together."""
    return sum(memory(process.pid).rss for process in web)


def measured(count: int, redis: bool, seconds: float, web_processes: int) -> dict[str, Any]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    environment = {"GUNICORN_WORKERS": str(web_processes)}
    with TemporaryDirectory(dir=FOLDER, prefix="waiters-") as folder, Stack(Path(folder), workers=(), environment=environment) as stack:
        web = [psutil.Process(pid) for pid in family(stack.pid_of("web"))[1:]]
        jobs = queued_jobs(stack, count)
        refused = stack.http.get(f"/api/v1/jobs/{jobs[0]}?wait=30", headers={"Authorization": "Bearer wrong"})
        before = resident(web)
        with client("probe", port=port_of(stack)) as probe, Submits(stack) as submits:
            probe.begun()
            quiet = time.monotonic()
            time.sleep(seconds)
            alone = time.monotonic()
            with client("wait", port=port_of(stack), key=stack.key, jobs=jobs) as waiters, stalled_uploads(stack):
                held(web, count + STALLED)
                waiting = time.monotonic()
                time.sleep(seconds)
                while_held = resident(web)
                threads = max(process.num_threads() for process in web)
                if not redis:
                    stack.kill("broker")
                ending = end_together(stack, jobs, announced=redis)
                seen = waiters.result()
            over = max(seen["ended_at"])
            assert probe.process.stdin
            probe.process.stdin.write("\n")
            livez = probe.result()
        return {
            "redis": "with Redis" if redis else "Redis killed",
            "unauthenticated": refused.status_code,
            "answers": seen["answers"],
            "last_answer_seconds": over - ending,
            "livez_p95_ms": {
                "alone": p95(between(livez, quiet, alone)),
                "they wait": p95(between(livez, waiting, ending)),
                "they end": p95(between(livez, ending, over)),
            },
            "livez_max_ms": max(between(livez, ending, over)),
            "submit_p50_ms": {
                "alone": statistics.median(between(submits.seen, quiet, alone)),
                "they wait": statistics.median(between(submits.seen, waiting, ending)),
                "they end": statistics.median(between(submits.seen, ending, over) or [0.0]),
            },
            "rss_mb": [before, while_held],
            "threads": threads,
        }


def fine(run: dict[str, Any], count: int) -> bool:
    livez = run["livez_p95_ms"]
    in_time = run["last_answer_seconds"] <= MOST_SECONDS[run["redis"]]
    quick = max(livez["they wait"], livez["they end"]) <= MOST_LIVEZ_MS
    return bool(run["answers"] == {"200 succeeded": count} and run["unauthenticated"] == 401 and in_time and quick)


def text(runs: Sequence[dict[str, Any]], count: int) -> str:
    columns = ["alone", "they wait", "they end"]
    rows = [["", *[f"/livez p95 ms: {name}" for name in columns], "max", *[f"submit p50 ms: {name}" for name in columns], "last answer, s"]]
    for name in MOST_SECONDS:
        of = [run for run in runs if run["redis"] == name]
        livez = [spread([run["livez_p95_ms"][column] for run in of], 1) for column in columns]
        submit = [spread([run["submit_p50_ms"][column] for run in of], 0) for column in columns]
        most = spread([run["livez_max_ms"] for run in of], 0)
        rows.append([name, *livez, most, *submit, spread([run["last_answer_seconds"] for run in of], 1)])
    memory_of = spread([run["rss_mb"][1] - run["rss_mb"][0] for run in runs], 0)
    before = spread([run["rss_mb"][0] for run in runs], 0)
    return "\n".join(
        [
            table(rows),
            f"web processes: {before} MB RSS before, +{memory_of} MB with {count} waiters and {STALLED} stalled uploads",
            f"threads: {sorted({run['threads'] for run in runs})}",
            f"answers: {[run['answers'] for run in runs]}",
        ]
    )


def main() -> int:
    end_in_order_on_sigterm()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waiters", description=__doc__)
    parser.add_argument("--clients", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of asking before the clients come, and again while all of them wait")
    parser.add_argument("--web-processes", type=int, default=GUNICORN_WORKERS)
    parser.add_argument("--json", type=Path, help="default: var/benchmarks/waiters-<date>.json")
    options = parser.parse_args()
    described = machine.description()
    runs = []
    for number in range(options.rounds):
        for redis in (True, False):
            runs.append(run := measured(options.clients, redis, options.seconds, options.web_processes))
            print(f"round {number + 1}, {run['redis']}: last answer after {run['last_answer_seconds']:.1f} s", file=sys.stderr, flush=True)
    print(machine.in_words(described))
    print(text(runs, options.clients))
    print(f"load average after: {' '.join(f'{value:.2f}' for value in os.getloadavg())}")
    file = options.json or FOLDER / f"waiters-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps({"machine": described, "clients": options.clients, "runs": runs}, indent=1) + "\n")
    print(f"written to {file}")
    return 0 if all(fine(run, options.clients) for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
