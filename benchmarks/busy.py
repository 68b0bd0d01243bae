"""Does a busy worker slow submits down? `python -m benchmarks.busy [--rounds 10] [--seconds 4]`.

By turns in one run: submits while the only worker is idle (it runs each job at once), and while it is inside a job that burns a second
more of CPU than the submits take. 40 KB of base64 each, one after the other. The exit code is 1 if p95 while it is busy is more than 1.5
times that while it is idle (median of the rounds' ratios).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.engine import FILE, FOLDER, running_stack
from benchmarks.processes import end_in_order_on_sigterm
from benchmarks.report import spread, table
from tests.stack import Stack

MOST = 1.5
MARGIN_SECONDS = 1.0  # by which the long job is longer than the submits beside it
PAUSE_SECONDS = 0.02


def submits(stack: Stack, seconds: float) -> list[float]:
    """Milliseconds of each submit, for so many seconds."""
    end, taken = time.monotonic() + seconds, []
    while time.monotonic() < end:
        started = time.perf_counter()
        stack.submit("echo", file=FILE)
        taken.append((time.perf_counter() - started) * 1000)
        time.sleep(PAUSE_SECONDS)
    return taken


def while_idle(stack: Stack, seconds: float) -> list[float]:
    taken = submits(stack, seconds)
    drained(stack)
    return taken


def while_busy(stack: Stack, seconds: float) -> list[float]:
    long = stack.running(stack.submit("burn", milliseconds=(seconds + MARGIN_SECONDS) * 1000))
    taken = submits(stack, seconds)
    assert stack.job(long)["state"] == "running", "the long job was not long enough"
    drained(stack)
    return taken


def drained(stack: Stack) -> None:
    """Return once nothing waits."""
    stack.ended(stack.submit("echo", text="the last"), seconds=120)


def quantiles(milliseconds: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(milliseconds, n=20, method="inclusive")
    return {"count": len(milliseconds), "p50": cuts[9], "p95": cuts[18], "max": max(milliseconds)}


def measured(rounds: int, seconds: float) -> list[dict[str, Any]]:
    found = []
    with running_stack() as stack:
        stack.only("fakes")
        while_idle(stack, seconds)  # warms everything up
        for number in range(rounds):
            sides = {"idle": while_idle, "busy": while_busy}
            order = list(sides) if number % 2 else list(reversed(sides))
            found.append({name: quantiles(sides[name](stack, seconds)) for name in order})
            idle, busy = found[-1]["idle"]["p95"], found[-1]["busy"]["p95"]
            print(f"round {number + 1}: p95 {idle:.1f} ms idle, {busy:.1f} ms busy", file=sys.stderr, flush=True)
    return found


def ratios(rounds: Sequence[dict[str, Any]], name: str) -> list[float]:
    return [found["busy"][name] / found["idle"][name] for found in rounds]


def text(rounds: Sequence[dict[str, Any]]) -> str:
    rows = [["submit", "worker idle, ms", "inside a long job, ms", "ratio"]]
    for name in ("p50", "p95", "max"):
        both = [spread([found[side][name] for found in rounds], 1) for side in ("idle", "busy")]
        rows.append([name, *both, spread(ratios(rounds, name), 2)])
    return table(rows)


def main() -> int:
    end_in_order_on_sigterm()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.busy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=4.0, help="of submits on each side of a round")
    parser.add_argument("--json", type=Path, help="default: var/benchmarks/busy-<date>.json")
    options = parser.parse_args()
    described = machine.description()
    rounds = measured(options.rounds, options.seconds)
    print(f"{machine.in_words(described)}\n{text(rounds)}")
    file = options.json or FOLDER / f"busy-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps({"machine": described, "rounds": rounds}, indent=1) + "\n")
    print(f"written to {file}")
    return 0 if statistics.median(ratios(rounds, "p95")) <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
