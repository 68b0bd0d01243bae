"""`python -m benchmarks.fuzz [--minutes 30] [--seed N] [--database sqlite|postgresql] [--json FILE]`.

A whole stack with the real kinds, whose models answer with examples, is sent what nobody should send: requests out of its own OpenAPI
description (schemathesis, all phases and checks) and bytes that fit no description. The exit code is 0 only if nothing was found; the
stack's folder, with logs and database, is kept otherwise.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.databases import DATABASES, database_url
from benchmarks.engine import FOLDER
from benchmarks.fuzz.rounds import Findings, fuzz
from benchmarks.processes import end_in_order_on_sigterm
from benchmarks.report import table


def main() -> int:
    end_in_order_on_sigterm()
    options = arguments()
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=FOLDER, prefix="fuzz-"))
    begun = time.monotonic()
    with database_url(options.database) as url:
        findings = fuzz(folder, url, options.minutes * 60, options.seed, say=lambda line: print(line, flush=True))
    facts = report(findings, options.database, time.monotonic() - begun)
    show(facts)
    file = options.json or FOLDER / f"fuzz-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps(facts, indent=1) + "\n")
    print(f"\nwritten to {file}")
    if findings.found:
        print(f"logs and database are kept in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def report(findings: Findings, database: str, seconds: float) -> dict[str, Any]:
    notes = findings.notes
    return {
        "machine": machine.description(),
        "database": database,
        "seconds": round(seconds),
        "seeds": findings.seeds,
        "cases": notes.cases,
        "accepted": len(notes.accepted),
        "answers": {name: dict(sorted(counts.items())) for name, counts in sorted(notes.answers.items())},
        "pardoned": dict(notes.pardoned),
        "found": findings.found,
    }


def show(facts: dict[str, Any]) -> None:
    rows = [["operation", "cases", "answers"]]
    for name, counts in facts["answers"].items():
        rows.append([name, str(sum(counts.values())), ", ".join(f"{status or 'none'}: {count}" for status, count in counts.items())])
    print(table(rows))
    print(f"{facts['cases']} cases in {facts['seconds']} s, {facts['accepted']} jobs accepted; {facts['database']}; seeds {facts['seeds']}")
    for reason, count in facts["pardoned"].items():
        print(f"pardoned {count}: {reason}")
    for found in facts["found"]:
        print(f"FOUND {found}")
    print(f"{len(facts['found'])} findings")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000, help="of the first round; each has the next")
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--json", type=Path, help="default: var/benchmarks/fuzz-<date>.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
