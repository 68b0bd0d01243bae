"""Does a full table slow the service down? `python -m benchmarks.million [--jobs 1000000] [--rounds 10] [--database both]`.

Two databases side by side, one empty and one with a million ended jobs, each in a process of its own; they take turns, each part of the
work many times a round. Then a real housekeeping erases what it can of the full one while a client submits. The exit code is 1 if a part
takes more than twice as long with the full table (median of the rounds' ratios), except where a name in brackets says why it may.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import machine
from benchmarks.databases import database_url
from benchmarks.processes import end_in_order_on_sigterm
from benchmarks.report import spread, table

FOLDER = Path(__file__).resolve().parent.parent / "var" / "benchmarks"
MOST = 2.0


class Side:
    """A process of `benchmarks.filled` on a database of its own, with so many ended jobs and so many that wait."""

    def __init__(self, folder: str, database_url: str, ended: int = 0, queued: int = 0) -> None:
        environment = {
            **os.environ,
            "FITSIZE_DATA": folder,
            "DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "LOG_LEVEL": "ERROR",
            "MAX_QUEUED_PER_KIND": "0",
        }
        command = [sys.executable, "-m", "benchmarks.filled", str(ended), str(queued)]
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what: str) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def sides(database: str, filled: Sequence[Mapping[str, int]]) -> Iterator[list[Side]]:
    """A side for each filling, ready; on the project's disk, where fsync costs something."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        found = []
        for counts in filled:
            folder = stack.enter_context(TemporaryDirectory(dir=FOLDER, prefix="filled-"))
            side = Side(folder, stack.enter_context(database_url(database)), **counts)
            stack.callback(side.close)
            found.append(side)
        started = time.monotonic()
        rows = [side.ask("count") for side in found]
        print(f"{database}: {rows} rows, filled in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        yield found


def compared(database: str, jobs: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Median milliseconds of each part in each round, and what retention does to submits."""
    with sides(database, [{}, {"ended": jobs}]) as (empty, full):
        pairs = []
        for number in range(rounds):
            order = (empty, full) if number % 2 else (full, empty)
            measured = {side is full: side.ask("round") for side in order}
            pairs.append((measured[False], measured[True]))
        return {"database": database, "jobs": jobs, "rounds": pairs, "retention": full.ask(f"retention {seconds}")}


def ratios(facts: dict[str, Any], part: str) -> list[float]:
    return [full[part] / empty[part] for empty, full in facts["rounds"]]


def text(facts: dict[str, Any]) -> str:
    rows = [[facts["database"], "empty, ms", f"{facts['jobs']} ended jobs, ms", "ratio"]]
    for part in facts["rounds"][0][0]:
        both = [spread([pair[side][part] for pair in facts["rounds"]], 2) for side in (0, 1)]
        rows.append([part, *both, spread(ratios(facts, part), 2)])
    found = facts["retention"]
    return (
        f"{table(rows)}\nretention: {found['erased']} jobs erased in {found['seconds']:.0f} s;"
        f" submits meanwhile p50 {found['p50_ms']:.1f}, p95 {found['p95_ms']:.1f}, longest {found['max_ms']:.1f} ms;"
        f" with nothing to erase: p50 {found['alone_p50_ms']:.1f}, p95 {found['alone_p95_ms']:.1f},"
        f" longest {found['alone_max_ms']:.1f} ms"
    )


def within(facts: dict[str, Any]) -> bool:
    parts = [part for part in facts["rounds"][0][0] if not part.endswith(")")]
    return all(statistics.median(ratios(facts, part)) <= MOST for part in parts)


def main() -> int:
    end_in_order_on_sigterm()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.million", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=30.0, help="of retention, and of submits without")
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--json", type=Path, help="default: var/benchmarks/million-<date>.json")
    options = parser.parse_args()
    described = machine.description()
    print(machine.in_words(described), flush=True)
    found = []
    for database in ("sqlite", "postgresql") if options.database == "both" else (options.database,):
        found.append(facts := compared(database, options.jobs, options.rounds, options.seconds))
        print(f"\n{text(facts)}", flush=True)
    file = options.json or FOLDER / f"million-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps({"machine": described, "databases": found}, indent=1) + "\n")
    print(f"\nwritten to {file}")
    return 0 if all(within(facts) for facts in found) else 1


if __name__ == "__main__":
    sys.exit(main())
