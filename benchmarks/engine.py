"""What the engine costs per job: `make bench`, or `python -m benchmarks.engine [--jobs 1000] [--model-ms 50] [--rounds 3] [--json FILE]`.

A whole stack (one web process, two workers, SQLite, Redis) and closed-loop clients beside it, all on this machine. Each job is a POST
of 40 KB of base64 with a key; its input is stored. The exit code is 1 if any job had another end than success.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import machine, report
from benchmarks.client import Load, Seen, drive
from benchmarks.processes import cpu_of, end_in_order_on_sigterm, groups, machine_seconds, settled
from benchmarks.truth import truth
from tests.stack import Stack

FOLDER = Path(__file__).resolve().parent.parent / "var" / "benchmarks"
WORKERS = ("fakes", "fakes-2")
FILE = base64.b64encode(os.urandom(30_000)).decode()  # 40 KB as it travels
FINE = "200 succeeded"
IDLE_SECONDS = 5.0


@dataclass(frozen=True)
class Configuration:
    name: str
    clients: int
    jobs: int
    model_ms: float
    poll: bool = False
    pause_seconds: float = 0.0


def configurations(jobs: int, model_ms: float) -> list[Configuration]:
    """One client has a model of 0 ms and pauses between its jobs, so that each finds idle workers."""
    few = max(jobs // 5, 2)
    return [
        Configuration("1 client, Prefer: wait", 1, few, 0, pause_seconds=0.005),
        Configuration("1 client, submit + ?wait", 1, few, 0, poll=True, pause_seconds=0.005),
        Configuration("30 clients, Prefer: wait", 30, jobs, model_ms),
        Configuration("30 clients, submit + ?wait", 30, jobs, model_ms, poll=True),
    ]


@contextmanager
def running_stack(**environment: str) -> Iterator[Stack]:
    """In a folder of the project's disk: a temporary folder may be memory, where fsync costs nothing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=FOLDER, prefix="stack-") as folder:
        stack = Stack(Path(folder), workers=WORKERS)
        stack.environment.update(environment)
        with stack:
            yield stack


def load_of(stack: Stack, configuration: Configuration, jobs: int) -> Load:
    return Load(
        port=int(stack.bind.rpartition(":")[2]),
        path="/api/v1/fakes/burn",
        body=json.dumps({"file": FILE, "milliseconds": configuration.model_ms}),
        jobs=jobs,
        clients=configuration.clients,
        key=stack.key,
        poll=configuration.poll,
        pause_seconds=configuration.pause_seconds,
    )


def measured(stack: Stack, configuration: Configuration) -> dict[str, Any]:
    """One run of a configuration, after a short one that warms everything up."""
    drive(load_of(stack, configuration, min(configuration.jobs, 2 * configuration.clients + 8)))
    settled(0.3)
    processes = groups(stack)
    cpu, everything, load_average = cpu_of(processes), machine_seconds(), os.getloadavg()[0]
    seen = drive(load_of(stack, configuration, configuration.jobs))
    settled(0.3)
    spent = {name: seconds - cpu[name] for name, seconds in cpu_of(processes).items()}
    spent["client"] = seen.cpu_seconds
    others = machine_seconds() - everything - sum(spent.values())
    return {
        "configuration": configuration.name,
        "load_average": load_average,
        **latency(seen, configuration),
        **costs(spent, others, seen, configuration),
    }


def latency(seen: Seen, configuration: Configuration) -> dict[str, Any]:
    """`overhead_*`: submit to result minus the model. `beyond_queue_*`: minus the least that so many clients wait for the workers."""
    cuts = statistics.quantiles(seen.milliseconds, n=20, method="inclusive")
    model = configuration.model_ms
    least = model * max(configuration.clients / len(WORKERS), 1)
    return {
        "jobs": len(seen.milliseconds),
        "jobs_per_second": len(seen.milliseconds) / seen.seconds,
        "overhead_p50_ms": cuts[9] - model,
        "overhead_p95_ms": cuts[18] - model,
        "beyond_queue_p50_ms": cuts[9] - least,
        "longest_ms": max(seen.milliseconds),
        "answers": seen.answers,
    }


def costs(spent: dict[str, float], others: float, seen: Seen, configuration: Configuration) -> dict[str, Any]:
    """CPU milliseconds per job; the child's beyond the model's own. `others_cores`: what other programs of this machine took meanwhile."""
    per_job = {name: seconds * 1000 / configuration.jobs for name, seconds in spent.items()}
    per_job["child"] -= configuration.model_ms
    engine = per_job["parent"] + per_job["child"] + per_job["broker"]
    return {"cpu_ms": per_job, "engine_cpu_ms": engine, "others_cores": max(others, 0.0) / seen.seconds}


def idle_costs(stack: Stack) -> dict[str, float]:
    """CPU milliseconds per second while nothing happens: a job's share of them falls with the throughput."""
    processes = groups(stack)
    before = cpu_of(processes)
    settled(IDLE_SECONDS)
    return {name: (seconds - before[name]) * 1000 / IDLE_SECONDS for name, seconds in cpu_of(processes).items()}


def benchmark(jobs: int, model_ms: float, rounds: int) -> dict[str, Any]:
    """All configurations, again in each round: what changes on the machine meanwhile touches all of them."""
    facts: dict[str, Any] = {"machine": machine.description(), "model_ms": model_ms, "rounds": rounds, "workers": len(WORKERS)}
    with running_stack() as stack:
        runs = []
        for number in range(rounds):
            for configuration in configurations(jobs, model_ms):
                runs.append(run := measured(stack, configuration))
                print(report.progress(number, run), file=sys.stderr, flush=True)
        facts |= {"runs": runs, "idle_ms_per_second": idle_costs(stack), "truth": truth(stack)}
    facts["load_average_after"] = os.getloadavg()
    return facts


def all_fine(facts: dict[str, Any]) -> bool:
    return all(run["answers"] == {FINE: run["jobs"]} for run in facts["runs"]) and facts["truth"]["fine"]


def main() -> int:
    end_in_order_on_sigterm()
    options = arguments()
    facts = benchmark(options.jobs, options.model_ms, options.rounds)
    print(report.text(facts))
    file = options.json or FOLDER / f"engine-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(facts, indent=1) + "\n")
    print(f"\nwritten to {file}")
    return 0 if all_fine(facts) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000, help="per run of 30 clients; one client sends a fifth")
    parser.add_argument("--model-ms", type=float, default=50.0, help="the model's CPU time per job, for 30 clients")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="default: var/benchmarks/engine-<date>.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
