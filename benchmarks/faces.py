"""What a selfie costs in its worker: `python -m benchmarks.faces [--jobs 1000]`.

A whole FitSize with one face worker, first with torch's encoder, then with dlib's; one client sends `validate` (no encoding) and `verify`
(two pictures, both encoded) of 1280-pixel JPEGs. CPU is that of the worker's processes, parent and child, for all that a job is: claim,
files, model, result. Memory is the child's, with Django, Celery and the model in it, looked at after every 50th job; its slope is fitted to
those looks. 50 jobs go before, uncounted. MB are 10^6 bytes. The exit code is 1 if a limit is missed.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression
from tempfile import TemporaryDirectory

from benchmarks.client import Load, drive
from benchmarks.engine import FINE, FOLDER
from benchmarks.inputs import write_inputs
from benchmarks.processes import cpu_seconds, end_in_order_on_sigterm, groups, memory, settled
from benchmarks.report import table
from tests.stack import Stack

MOST_MILLISECONDS = 50.0  # of CPU, a picture, with torch
MOST_MEGABYTES = {"torch": 450.0, "dlib": 220.0}
MOST_SLOPE = 10.0  # kB a job
EVERY = 50


@dataclass(frozen=True)
class Measured:
    encoder: str
    validate_milliseconds: float
    verify_milliseconds: float
    most_megabytes: float
    slope: float

    @property
    def misses(self) -> list[str]:
        """What is over its limit; dlib's encoder has none for its CPU."""
        found = []
        if self.encoder == "torch" and max(self.validate_milliseconds, self.verify_milliseconds / 2) > MOST_MILLISECONDS:
            found.append(f"more than {MOST_MILLISECONDS:.0f} ms of CPU a picture")
        if self.most_megabytes > MOST_MEGABYTES[self.encoder]:
            found.append(f"more than {MOST_MEGABYTES[self.encoder]:.0f} MB with {self.encoder}")
        if self.slope > MOST_SLOPE:
            found.append(f"more than {MOST_SLOPE:.0f} kB a job with {self.encoder}")
        return found


def measured(encoder: str, jobs: int, inputs: Path) -> Measured:
    selfie, reference = (base64.b64encode((inputs / name).read_bytes()).decode() for name in ("selfie.jpg", "reference.jpg"))
    with TemporaryDirectory(dir=FOLDER, prefix="faces-") as folder:
        environment = {"FACE_ENCODER": encoder, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        with Stack(Path(folder), workers=("faces",), environment=environment) as stack:
            milliseconds(stack, "verify", {"selfie": selfie, "reference": reference}, EVERY)
            validate, memories = milliseconds(stack, "validate", {"selfie": selfie}, jobs)
            verify, more = milliseconds(stack, "verify", {"selfie": selfie, "reference": reference}, jobs)
    memories += more
    return Measured(encoder, validate, verify, max(memories), slope(memories))


def milliseconds(stack: Stack, operation: str, body: dict[str, str], jobs: int) -> tuple[float, list[float]]:
    """Of CPU a job, and the child's memory after every 50th."""
    load = Load(
        port=int(stack.bind.rpartition(":")[2]), path=f"/api/v1/faces/{operation}", body=json.dumps(body), jobs=EVERY, key=stack.key
    )
    settled(0.3)
    processes = groups(stack)
    pids = [*processes["parent"], *processes["child"]]
    before, seen = cpu_seconds(pids), []
    for _ in range(max(1, jobs // EVERY)):
        answers = drive(load).answers
        assert answers == {FINE: EVERY}, answers
        seen.append(memory(processes["child"][0]).rss)
    settled(0.3)
    return 1000 * (cpu_seconds(pids) - before) / (EVERY * len(seen)), seen


def slope(memories: Sequence[float]) -> float:
    """kB a job, of looks after every 50th; 0 where there are too few."""
    if len(memories) < 2:
        return 0.0
    return linear_regression([EVERY * number for number in range(len(memories))], memories).slope * 1000


def main() -> int:
    end_in_order_on_sigterm()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faces", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000, help="of each operation")
    options = parser.parse_args()
    print(f"load average: {' '.join(f'{value:.2f}' for value in os.getloadavg())}\n")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=FOLDER, prefix="inputs-") as folder:
        write_inputs(Path(folder), names=("selfie.jpg", "reference.jpg"))
        found = [measured(encoder, options.jobs, Path(folder)) for encoder in MOST_MEGABYTES]
    rows = [["encoder", "validate, CPU-ms", "verify (2 pictures), CPU-ms", "most memory of the child, MB", "slope, kB a job"]]
    for row in found:
        figures = (row.validate_milliseconds, row.verify_milliseconds, row.most_megabytes, row.slope)
        rows.append([row.encoder, *(f"{figure:.1f}" for figure in figures)])
    print(table(rows))
    misses = [miss for row in found for miss in row.misses]
    print("\n" + ("\n".join(f"MISSED: {miss}" for miss in misses) or "all limits hold"))
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
