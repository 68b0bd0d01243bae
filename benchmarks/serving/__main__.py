"""FitSize beside model servers: `python -m benchmarks.serving [--models 10 50 200] [--rounds 5] [--jobs 240] [--poison 60]`.

The same dummy model, which burns N ms of CPU, behind FitSize, LitServe and BentoML: two model processes each, the same closed-loop
clients, the same body. Once clean, once with poison in the mix, which aborts the process that runs it; then LitServe runs twice, as it
comes and with its option to restart model processes. In each round every server is started anew and runs once, by turns; ratios are those
of the runs of a round. LitServe and BentoML have a virtual environment of their own, var/benchmarks/serving-venv, made at the first run.
The exit code is 1 if FitSize lost a job that was no poison.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.engine import FOLDER
from benchmarks.processes import end_in_order_on_sigterm
from benchmarks.serving import packages
from benchmarks.serving.figures import lost, text
from benchmarks.serving.runs import one_run
from benchmarks.serving.servers import TITLES
from benchmarks.serving.work import Work, jobs_for

MIXES = ("clean", "poison")


def benchmark(works: Sequence[Work], servers: Sequence[str], rounds: int) -> dict[str, Any]:
    described, peers = machine.description(), packages.versions() if set(servers) != {"fitsize"} else {}
    facts: dict[str, Any] = {"machine": described, "peers": peers, "clients": works[0].clients, "rounds": rounds, "runs": []}
    for work in works:
        for number in range(rounds):
            for name in turn(servers_for(work, servers), number):
                facts["runs"].append(run := one_run(name, work))
                print(progress(number, run), file=sys.stderr, flush=True)
    return facts


def works_for(models: Sequence[float], mixes: Sequence[str], jobs: int, clients: int, poison: int) -> list[Work]:
    shares = [poison if mix == "poison" else 0 for mix in mixes]
    return [Work(model_ms, jobs_for(model_ms, jobs), clients, every) for model_ms in models for every in shares]


def servers_for(work: Work, servers: Sequence[str]) -> list[str]:
    """Where nothing dies, nothing is restarted."""
    return [name for name in servers if work.poison_every or name != "litserve-restart"]


def turn(servers: Sequence[str], number: int) -> list[str]:
    """Another one begins each round."""
    first = number % len(servers)
    return [*servers[first:], *servers[:first]]


def progress(number: int, run: dict[str, Any]) -> str:
    p50 = f"{run['p50_ms']:.0f} ms" if run["p50_ms"] else "-"
    poison = f", poison {run['poison_answers']}" if run["poison_answers"] else ""
    return (
        f"{run['work']}, round {number + 1}, {TITLES[run['server']]}: {run['answered'] / run['seconds']:.1f}/s, p50 {p50}"
        f" {run['answers']}{poison}{'' if run['alive'] else ', dead'}"
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--models", nargs="+", type=float, default=[10, 50, 200], help="milliseconds of CPU that the model takes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=240, help="a run of the 50 ms model; up to 3 times as many of a faster one")
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--mixes", nargs="+", choices=MIXES, default=MIXES)
    parser.add_argument("--poison", type=int, default=60, help="in the mix with poison one request in so many aborts its process")
    parser.add_argument("--servers", nargs="+", choices=list(TITLES), default=list(TITLES))
    parser.add_argument("--json", type=Path, help="default: var/benchmarks/serving-<date>.json")
    return parser.parse_args()


def main() -> int:
    end_in_order_on_sigterm()
    options = arguments()
    if set(options.servers) != {"fitsize"}:
        packages.install()
    works = works_for(options.models, options.mixes, options.jobs, options.clients, options.poison)
    facts = benchmark(works, options.servers, options.rounds)
    print(text(facts))
    file = options.json or FOLDER / f"serving-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(facts, indent=1) + "\n")
    print(f"\nwritten to {file}")
    return 1 if lost(facts) else 0


if __name__ == "__main__":
    sys.exit(main())
