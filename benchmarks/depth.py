"""Does a long queue slow the service down? `python -m benchmarks.depth [--depths 10 1000 100000] [--rounds 5] [--database both]`.

A database for each depth, side by side, each in a process of its own; they take turns, each part of the work many times a round. Half of
the queue is one owner's, the rest a thousand owners'. The exit code is 1 if a part takes more than twice as long at the greatest depth as
at the least (median of the rounds' ratios), but for those that have to count what waits.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.databases import DATABASES
from benchmarks.million import FOLDER, MOST, sides
from benchmarks.processes import end_in_order_on_sigterm
from benchmarks.report import spread, table

COUNTING = ("/metrics: the queues", "submit, limits far above the depth")
"""A scrape tells how many wait; a submit counts up to its limits."""


def compared(database: str, depths: Sequence[int], rounds: int) -> dict[str, Any]:
    """Median milliseconds of each part for each depth, in each round."""
    found = []
    with sides(database, [{"queued": depth} for depth in depths]) as queues:
        for number in range(rounds):
            first = number % len(depths)
            measured = {place: queues[place].ask("queue_round") for place in [*range(first, len(depths)), *range(first)]}
            found.append([measured[place] for place in range(len(depths))])
            print(f"{database}, round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return {"database": database, "depths": list(depths), "rounds": found}


def ratios(facts: dict[str, Any], part: str, place: int) -> list[float]:
    """Of this depth's times to those of the first depth in the same round."""
    return [measured[place][part] / measured[0][part] for measured in facts["rounds"]]


def text(facts: dict[str, Any]) -> str:
    depths = facts["depths"]
    rows = [[facts["database"], *[f"{depth} wait, ms" for depth in depths], *[f"{depth} / {depths[0]}" for depth in depths[1:]]]]
    for part in facts["rounds"][0][0]:
        times = [spread([measured[place][part] for measured in facts["rounds"]], 2) for place in range(len(depths))]
        rows.append([part, *times, *[spread(ratios(facts, part, place), 2) for place in range(1, len(depths))]])
    return table(rows)


def steep(facts: dict[str, Any]) -> list[str]:
    """The parts that a long queue slows down."""
    last = len(facts["depths"]) - 1
    return [part for part in facts["rounds"][0][0] if part not in COUNTING and statistics.median(ratios(facts, part, last)) > MOST]


def main() -> int:
    end_in_order_on_sigterm()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.depth", description=__doc__)
    parser.add_argument("--depths", type=int, nargs="+", default=[10, 1000, 100_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", choices=[*DATABASES, "both"], default="both")
    parser.add_argument("--json", type=Path, help="default: var/benchmarks/depth-<date>.json")
    options = parser.parse_args()
    described = machine.description()
    print(machine.in_words(described), flush=True)
    found = []
    for database in DATABASES if options.database == "both" else (options.database,):
        found.append(facts := compared(database, options.depths, options.rounds))
        print(f"\n{text(facts)}\nmore than {MOST:g} times as long: {', '.join(steep(facts)) or 'nothing'}", flush=True)
    file = options.json or FOLDER / f"depth-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps({"machine": described, "databases": found}, indent=1) + "\n")
    print(f"\nwritten to {file}")
    return 1 if any(steep(facts) for facts in found) else 0


if __name__ == "__main__":
    sys.exit(main())
