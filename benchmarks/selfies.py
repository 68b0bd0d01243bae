"""The old selfie service beside the queue: `python -m benchmarks.selfies [--workers 1] [--rounds 3] [--clients 30] [--seconds 20]`.

The old way is a web process of 30 threads with one model under a semaphore, which makes each picture smaller as a new JPEG, searches it
enlarged and encodes by dlib; the rest is as in `benchmarks.contrast`: the same closed-loop clients, the same pictures, both by turns on
this machine. `old-selfies` are judged, `old-pairs` compared. The exit code is 1 if FitSize lost or repeated a job, has less than four times
the throughput, or its p95 is above a fifth.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from datetime import UTC, datetime
from typing import Any

from benchmarks.contrast import benchmark, ratios, text
from benchmarks.engine import FOLDER
from benchmarks.processes import end_in_order_on_sigterm

NAMES = ("old-selfies", "old-pairs")
LEAST_THROUGHPUT = 4.0
MOST_P95 = 0.2


def holds(case: dict[str, Any]) -> bool:
    """By the medians of the rounds."""
    throughput, p95 = ratios(case, "jobs_per_second"), ratios(case, "p95_ms")
    return bool(throughput) and statistics.median(throughput) >= LEAST_THROUGHPUT and statistics.median(p95) <= MOST_P95


def main() -> int:
    end_in_order_on_sigterm()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.selfies", description=__doc__)
    parser.add_argument("--cases", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--workers", nargs="+", type=int, default=[1], help="of FitSize, and web processes of the old way")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--jobs", type=int, help="at least so many a run; default: two for each client")
    parser.add_argument("--seconds", type=float, default=20.0, help="about so long is a run at least")
    options = parser.parse_args()
    jobs = options.jobs or 2 * options.clients
    facts = benchmark(options.cases, options.workers, options.rounds, options.clients, jobs, options.seconds)
    print(text(facts))
    file = FOLDER / f"selfies-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps(facts, indent=1) + "\n")
    missed = [f"{case['name']}, {case['workers']} workers" for case in facts["cases"] if not holds(case)]
    lost = [case["name"] for case in facts["cases"] if not case["fine"]]
    said = f"{LEAST_THROUGHPUT:g}x the throughput and p95 at most {MOST_P95:g}x"
    print(f"{said}: {'missed by ' + '; '.join(missed) if missed else 'holds'}\n\nwritten to {file}")
    return 1 if missed or lost else 0


if __name__ == "__main__":
    sys.exit(main())
