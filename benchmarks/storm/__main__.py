"""`python -m benchmarks.storm [--jobs 300] [--kills 20] [--rate 0] [--seed 1] [--database sqlite|postgresql] [--json FILE]`.

A whole stack (one web process, two workers, housekeeping, Redis) under load, while one of its processes after the other is killed with
SIGKILL and started again as a supervisor would. Triggers in the database record every change of state. The exit code is 0 only if the
account balances; otherwise the stack's folder, with logs and database, is kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import machine
from benchmarks.databases import DATABASES, database_url
from benchmarks.engine import FOLDER
from benchmarks.processes import end_in_order_on_sigterm
from benchmarks.storm import report
from benchmarks.storm.plan import Plan, usual_kills
from benchmarks.storm.storm import storm

WIDTH = 200  # of the tables, where the terminal does not say


def measured(plan: Plan, database: str, folder: Path) -> dict[str, Any]:
    conditions = {"machine": machine.description(), "plan": asdict(plan), "database": database}
    begun = time.monotonic()
    with database_url(database) as url:
        books = storm(plan, folder, url, say=lambda line: print(line, file=sys.stderr, flush=True))
    return conditions | {"seconds": time.monotonic() - begun} | report.facts(books)


def show(facts: dict[str, Any]) -> None:
    out = Console(width=WIDTH, soft_wrap=True)
    plan = facts["plan"]
    out.print(machine.in_words(facts["machine"]), highlight=False)
    pace = f"{plan['rate']:g} jobs/s" if plan["rate"] else "as fast as possible"
    out.print(f"{facts['database']}, {pace}, at most {plan['clients']} unfinished, seed {plan['seed']}, {facts['seconds']:.0f} s in all")
    out.print(report.account_table(facts), report.kills_table(facts), report.DEFINITIONS, highlight=False)
    for name, offenders in facts["offenders"].items():
        out.print(f"{name}: {', '.join(offenders)}", markup=False)


def main() -> int:
    end_in_order_on_sigterm()
    options = arguments()
    kills = usual_kills(options.jobs, options.rate) if options.kills is None else options.kills
    plan = Plan(options.jobs, kills, options.rate, options.seed, options.clients)
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=FOLDER, prefix="storm-"))
    facts = measured(plan, options.database, folder)
    show(facts)
    file = options.json or FOLDER / f"storm-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(facts, indent=1) + "\n")
    print(f"\nwritten to {file}")
    if not facts["balanced"]:
        print(f"logs and database are kept in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storm", description=__doc__)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--kills", type=int, help="default: 20, and one for each 15 s of a longer storm")
    parser.add_argument("--rate", type=float, default=0.0, help="jobs per second; 0 is as fast as possible")
    parser.add_argument("--clients", type=int, default=60, help="the most jobs that are unfinished at a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--json", type=Path, help="default: var/benchmarks/storm-<date>.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
