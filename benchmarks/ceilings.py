"""How many submits and polls does one web process take? `python -m benchmarks.ceilings [--rounds 3] [--seconds 10] [--database both]`.

One web process and no worker on each database, both stacks side by side and loaded by turns: thirty clients that send their next request
when they have an answer. A submit carries 40 KB of base64 and is answered 202; each client polls a job of its own, at the front of the
queue, an ended one, or its queued one by `If-None-Match`. `/livez` runs through Django and asks no database: rates beside it can be
compared between machines. The exit code is 1 if an answer had another status than it should.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import machine
from benchmarks.databases import DATABASES, database_url
from benchmarks.engine import FILE, FOLDER
from benchmarks.flood import Flood, pour
from benchmarks.processes import cpu_of, end_in_order_on_sigterm, groups, machine_seconds
from benchmarks.report import spread, table
from tests.stack import Stack

CLIENTS = 30
WARM_SECONDS = 1.0
LIVEZ = "/livez"
END_ONE = """
from tasks.models import Claimant, Job, State
job = Job.objects.claim("fakes", Claimant("fakes@here", "life", 1, False))
job.end(State.SUCCEEDED, result={"points": [[n, n] for n in range(20)]})
"""


@dataclass(frozen=True)
class Question:
    """What all clients ask, and the only status that is right."""

    name: str
    status: str
    requests: Sequence[str]


def get(stack: Stack, address: str, tag: str = "") -> str:
    known = f"If-None-Match: {tag}\r\n" if tag else ""
    return f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {stack.key}\r\n{known}\r\n"


def submit(stack: Stack) -> str:
    body = json.dumps({"file": FILE})
    head = f"POST /api/v1/fakes/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {stack.key}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}"


def questions(stack: Stack) -> list[Question]:
    """Of a stack whose queue has a job for each client and that has one job that ended."""
    ended = stack.submit("echo", file=FILE)["links"]["self"]
    stack.manage("shell", "-v0", "-c", END_ONE)
    queued = [stack.submit("echo", file=FILE)["links"]["self"] for _ in range(CLIENTS)]
    tag = stack.http.get(queued[0]).headers["ETag"]
    return [
        Question(LIVEZ, "200", [get(stack, LIVEZ)]),
        Question("submit, 202", "202", [submit(stack)]),
        Question("poll, queued", "200", [get(stack, address) for address in queued]),
        Question("poll, ended", "200", [get(stack, ended)]),
        Question("poll, 304", "304", [get(stack, address, tag) for address in queued]),
    ]


@contextmanager
def stacks(databases: Sequence[str]) -> Iterator[dict[str, Stack]]:
    """Without a worker, and without limits; on the project's disk, where fsync costs something."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ExitStack() as opened:
        found = {}
        for database in databases:
            folder = Path(opened.enter_context(TemporaryDirectory(dir=FOLDER, prefix="ceilings-")))
            url = opened.enter_context(database_url(database))
            found[database] = opened.enter_context(Stack(folder, url, workers=(), environment={"MAX_QUEUED_PER_KIND": "0"}))
        yield found


def measured(stack: Stack, question: Question, seconds: float) -> dict[str, Any]:
    """Answers a second, and the web process's CPU milliseconds for each."""
    port = int(stack.bind.rpartition(":")[2])
    pour(Flood(port, question.requests, min(WARM_SECONDS, seconds), CLIENTS))
    processes = groups(stack)
    cpu, everything = cpu_of(processes), machine_seconds()
    seen = pour(Flood(port, question.requests, seconds, CLIENTS))
    spent = {name: after - cpu[name] for name, after in cpu_of(processes).items()}
    others = machine_seconds() - everything - sum(spent.values()) - seen.cpu_seconds
    return {
        "answers": seen.answers,
        "fine": set(seen.answers) == {question.status},
        "per_second": seen.count / seen.seconds,
        "web_cpu_ms": spent["web"] * 1000 / seen.count,
        "client_cpu_ms": seen.cpu_seconds * 1000 / seen.count,
        "others_cores": max(others, 0.0) / seen.seconds,
    }


def benchmark(databases: Sequence[str], rounds: int, seconds: float) -> list[dict[str, dict[str, Any]]]:
    """For each round what each question found on each database."""
    found = []
    with stacks(databases) as running:
        asked = {database: questions(stack) for database, stack in running.items()}
        for number in range(rounds):
            turns = list(running) if number % 2 else list(reversed(running))
            found.append(runs := dict[str, dict[str, Any]]())
            for place, question in enumerate(asked[turns[0]]):
                runs[question.name] = {name: measured(running[name], asked[name][place], seconds) for name in turns}
                said = ", ".join(f"{name} {run['per_second']:.0f}/s" for name, run in runs[question.name].items())
                print(f"round {number + 1}, {question.name}: {said}", file=sys.stderr, flush=True)
    return found


def text(databases: Sequence[str], rounds: Sequence[dict[str, dict[str, Any]]]) -> str:
    columns = ["a second", f"beside {LIVEZ}", "web CPU ms", "client CPU ms", "others' cores"]
    rows = [["30 clients, one web process", *columns]]
    for name in rounds[0]:
        for database in databases:
            of = [found[name][database] for found in rounds]
            beside = [found[name][database]["per_second"] / found[LIVEZ][database]["per_second"] for found in rounds]
            rows.append([f"{name}, {database}", spread([run["per_second"] for run in of], 0), spread(beside, 2)])
            rows[-1] += [spread([run[key] for run in of], 2) for key in ("web_cpu_ms", "client_cpu_ms", "others_cores")]
    if len(databases) < 2:
        return table(rows)
    ratios = [["answers a second", "PostgreSQL / SQLite"]]
    for name in rounds[0]:
        pairs = [found[name] for found in rounds]
        ratios.append([name, spread([pair["postgresql"]["per_second"] / pair["sqlite"]["per_second"] for pair in pairs], 2)])
    return f"{table(rows)}\n\n{table(ratios)}"


def all_fine(rounds: Sequence[dict[str, dict[str, Any]]]) -> bool:
    return all(run["fine"] for found in rounds for runs in found.values() for run in runs.values())


def main() -> int:
    end_in_order_on_sigterm()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ceilings", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each question on each database, in each round")
    parser.add_argument("--database", choices=[*DATABASES, "both"], default="both")
    parser.add_argument("--json", type=Path, help="default: var/benchmarks/ceilings-<date>.json")
    options = parser.parse_args()
    described = machine.description()
    databases = DATABASES if options.database == "both" else (options.database,)
    rounds = benchmark(databases, options.rounds, options.seconds)
    print(f"{machine.in_words(described)}\n{text(databases, rounds)}")
    file = options.json or FOLDER / f"ceilings-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps({"machine": described, "seconds": options.seconds, "rounds": rounds}, indent=1) + "\n")
    print(f"\nwritten to {file}")
    return 0 if all_fine(rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
