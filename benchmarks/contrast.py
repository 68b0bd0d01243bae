"""The old way beside the queue: `python -m benchmarks.contrast [--kinds garments faces recordings] [--workers 1 2] [--rounds 3]`.

For each kind and number of workers a blocking baseline (`benchmarks.blocking`) and a FitSize run side by side on this machine, and are
loaded by turns, the other one idle: the same 30 closed-loop clients, the same files, the same models. FitSize has so many workers of the
kind; the baseline so many web processes, each with its own model and, for faces, so many threads that each client has one. For garments
it always has three, as the old service: each of its processes loads the model for one picture. A round is one run of each; its ratio is
that of the two runs. The exit code is 1 if FitSize lost or repeated a job, or if garments, with the most
workers, are less than ten times as many a second.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from benchmarks import machine
from benchmarks.blocking.server import Baseline
from benchmarks.client import Load, Seen, drive
from benchmarks.engine import FINE, FOLDER
from benchmarks.inputs import write_inputs
from benchmarks.processes import end_in_order_on_sigterm, pss
from benchmarks.report import spread, table
from benchmarks.truth import truth
from tests.stack import Stack

PACKAGES = ("torch", "dlib-bin", "pyannote.audio", "opencv-python-headless")
OLD_GARMENT_PROCESSES = 3
LEAST_RATIO = 10.0  # of garments a second
ANSWER_SECONDS = 300.0  # the last of 30 clients waits for 29 processes that each load a model
SIDES = ("blocking", "FitSize")


@dataclass(frozen=True)
class Case:
    """What is sent, to whom; `files` are names of `benchmarks.inputs` by their role."""

    kind: str
    path: str
    files: dict[str, str]
    fields: dict[str, Any] = field(default_factory=dict)
    old: bool = False  # the baseline does with a picture what the old service did, not what we do

    def body(self, folder: Path) -> str:
        files = {role: base64.b64encode((folder / name).read_bytes()).decode() for role, name in self.files.items()}
        return json.dumps({**files, **self.fields})


CASES = {
    "garments": Case("keypoints", "/api/v1/keypoints", {"image": "garment.jpg"}, {"clothing": "short_sleeve_top"}),
    "faces": Case("faces", "/api/v1/faces/validate", {"selfie": "selfie.jpg"}),
    "recordings": Case("diarization", "/api/v1/diarization", {"audio": "recording.wav"}),
    "old-selfies": Case("faces", "/api/v1/faces/validate", {"selfie": "selfie.jpg"}, old=True),
    "old-pairs": Case("faces", "/api/v1/faces/verify", {"selfie": "selfie.jpg", "reference": "reference.jpg"}, old=True),
}
SAME_MODELS = [name for name, case in CASES.items() if not case.old]


@dataclass(frozen=True)
class Pair:
    """Both sides of a case, running and ready."""

    baseline: Baseline
    stack: Stack

    def load(self, side: str, case: Case, folder: Path, clients: int, jobs: int) -> Load:
        """The same client for both: a submit, and `?wait=` until the end, which the baseline's answer already is."""
        port = self.baseline.port if side == "blocking" else int(self.stack.bind.rpartition(":")[2])
        return Load(port, case.path, case.body(folder), jobs, clients, self.stack.key, poll=True, answer_seconds=ANSWER_SECONDS)

    def groups(self, side: str) -> set[int]:
        """The process groups of a side: each program leads one, and what it starts is in it."""
        if side == "blocking":
            return {self.baseline.pid}
        return {program.process.pid for program in self.stack.programs.values() if program.process}


@contextmanager
def running(case: Case, workers: int, clients: int) -> Iterator[Pair]:
    """In a folder of the project's disk: a temporary folder may be memory, where fsync costs nothing."""
    web, threads = web_processes(case, workers, clients)
    FOLDER.mkdir(parents=True, exist_ok=True)
    names = tuple(case.kind if number == 0 else f"{case.kind}-{number + 1}" for number in range(workers))
    with (
        TemporaryDirectory(dir=FOLDER, prefix="contrast-") as folder,
        Baseline(Path(folder, "baseline"), kinds=[case.kind], workers=web, threads=threads, old_selfies=case.old) as baseline,
        Stack(Path(folder), workers=names) as stack,
    ):
        yield Pair(baseline, stack)


def web_processes(case: Case, workers: int, clients: int) -> tuple[int, int]:
    """Of the baseline, and the threads of each."""
    if case.kind == "keypoints":
        return OLD_GARMENT_PROCESSES, 1
    return workers, -(-clients // workers) if case.kind == "faces" else 1


class Memory:
    """The most that all processes of these groups held together (PSS, megabytes), looked at twice a second from a thread."""

    def __init__(self, groups: Collection[int]) -> None:
        self.groups = groups
        self.most = 0.0
        self.over = threading.Event()
        self.watcher = threading.Thread(target=self.watch)

    def watch(self) -> None:
        while not self.over.wait(0.5):
            self.most = max(self.most, sum(pss(pid) for pid in psutil.pids() if group_of(pid) in self.groups))

    def __enter__(self) -> Memory:
        self.watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.watcher.join()


def group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def benchmark(names: Sequence[str], workers: Sequence[int], rounds: int, clients: int, jobs: int, seconds: float) -> dict[str, Any]:
    described = machine.description()
    described["packages"] |= {name: version(name) for name in PACKAGES}
    facts: dict[str, Any] = {"machine": described, "clients": clients, "rounds": rounds, "cases": []}
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=FOLDER, prefix="inputs-") as folder:
        write_inputs(Path(folder), [file for name in names for file in CASES[name].files.values()])
        for name in names:
            for count in workers:
                facts["cases"].append(measured(name, count, Path(folder), rounds, clients, jobs, seconds))
    return facts


def measured(name: str, workers: int, folder: Path, rounds: int, clients: int, jobs: int, seconds: float) -> dict[str, Any]:
    case = CASES[name]
    with running(case, workers, clients) as pair:
        counts = {side: jobs_for(pair, side, case, folder, clients, jobs, seconds) for side in SIDES}
        runs = []
        for number in range(rounds):
            order = SIDES if number % 2 == 0 else tuple(reversed(SIDES))
            runs.append({side: one_run(pair, side, case, folder, clients, counts[side]) for side in order})
            print(progress(name, workers, number, runs[-1]), file=sys.stderr, flush=True)
        found = truth(pair.stack)
        crashes = {"blocking": pair.baseline.crashes, "FitSize": found["tried_again"]}
        lost = sum(run["FitSize"]["errors"] for run in runs)
        web, threads = web_processes(case, workers, clients)
        facts = {"name": name, "workers": workers, "web_processes": web, "threads": threads, "rounds": runs, "crashes": crashes}
        return {**facts, "truth": found, "fine": lost == 0 and crashes["FitSize"] == 0 and set(found["states"]) == {"succeeded"}}


def jobs_for(pair: Pair, side: str, case: Case, folder: Path, clients: int, jobs: int, seconds: float) -> int:
    """As many jobs as take so many seconds, judged by a short run that also warms everything up."""
    few = drive(pair.load(side, case, folder, clients=min(4, clients), jobs=min(8, jobs)))
    return max(jobs, round(len(few.milliseconds) / few.seconds * seconds))


def one_run(pair: Pair, side: str, case: Case, folder: Path, clients: int, jobs: int) -> dict[str, Any]:
    with Memory(pair.groups(side)) as watched:
        seen = drive(pair.load(side, case, folder, clients, jobs))
    return {**latency(seen), "pss_mb": watched.most}


def latency(seen: Seen) -> dict[str, Any]:
    cuts = statistics.quantiles(seen.milliseconds, n=20, method="inclusive")
    good = seen.answers.get(FINE, 0)
    return {
        "jobs": len(seen.milliseconds),
        "errors": len(seen.milliseconds) - good,
        "answers": seen.answers,
        "jobs_per_second": good / seen.seconds,
        "p50_ms": cuts[9],
        "p95_ms": cuts[18],
    }


def progress(name: str, workers: int, number: int, run: dict[str, Any]) -> str:
    sides = (
        f"{side} {run[side]['jobs_per_second']:.2f}/s, p50 {run[side]['p50_ms'] / 1000:.2f} s {run[side]['answers']}" for side in SIDES
    )
    return f"{name}, {workers} workers, round {number + 1}: {'; '.join(sides)}"


def ratios(case: dict[str, Any], name: str) -> list[float]:
    """FitSize's figure over the baseline's, round by round; none where the baseline has nothing to divide by."""
    pairs = [(run["FitSize"][name], run["blocking"][name]) for run in case["rounds"]]
    return [ours / theirs for ours, theirs in pairs if theirs]


def text(facts: dict[str, Any]) -> str:
    rows = [["", "jobs", "jobs/s", "p50 s", "p95 s", "errors", "crashes", "PSS MB"]]
    for case in facts["cases"]:
        rows += [row(case, side) for side in SIDES]
        times = [ratio(case, name) for name in ("jobs_per_second", "p50_ms", "p95_ms")]
        rows.append(["  FitSize / blocking", "", *times, "", "", ratio(case, "pss_mb")])
    about = f"{facts['clients']} closed-loop clients. Each cell: median (lowest-highest) of {facts['rounds']} rounds, both sides by turns."
    return "\n\n".join([machine.in_words(facts["machine"]), about, table(rows), verdict(facts)])


def row(case: dict[str, Any], side: str) -> list[str]:
    runs = [run[side] for run in case["rounds"]]
    seconds = [spread([run[name] / 1000 for run in runs], 2) for name in ("p50_ms", "p95_ms")]
    errors = str(sum(run["errors"] for run in runs))
    cells = [f"{len(runs)} x {runs[0]['jobs']}", spread([run["jobs_per_second"] for run in runs], 2), *seconds, errors]
    return [title(case, side), *cells, str(case["crashes"][side]), spread([run["pss_mb"] for run in runs], 0)]


def title(case: dict[str, Any], side: str) -> str:
    if side == "FitSize":
        return f"{case['name']}, FitSize, workers: {case['workers']}"
    threads = f" x {case['threads']} threads" if case["threads"] > 1 else ""
    return f"{case['name']}, blocking, web processes: {case['web_processes']}{threads}"


def ratio(case: dict[str, Any], name: str) -> str:
    found = ratios(case, name)
    return f"{spread(found, 2)}x" if found else "-"


def garments_ratio(facts: dict[str, Any]) -> float | None:
    """The median for garments with the most workers, as the baseline's processes take every core; None if they were not measured."""
    found = {case["workers"]: ratios(case, "jobs_per_second") for case in facts["cases"] if case["name"] == "garments"}
    measured = {workers: each for workers, each in found.items() if each}
    return statistics.median(measured[max(measured)]) if measured else None


def verdict(facts: dict[str, Any]) -> str:
    lost = [case["name"] for case in facts["cases"] if not case["fine"]]
    lines = [f"FitSize lost or repeated jobs: {', '.join(lost)}" if lost else "FitSize: each job succeeded at its first attempt"]
    if (found := garments_ratio(facts)) is not None:
        lines.append(f"garments a second: {found:.1f}x; {LEAST_RATIO:g}x {'holds' if found >= LEAST_RATIO else 'is missed'}")
    return "\n".join(lines)


def all_fine(facts: dict[str, Any]) -> bool:
    found = garments_ratio(facts)
    return all(case["fine"] for case in facts["cases"]) and (found is None or found >= LEAST_RATIO)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contrast", description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=SAME_MODELS, default=SAME_MODELS)
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--jobs", type=int, help="at least so many a run; default: two for each client")
    parser.add_argument("--seconds", type=float, default=20.0, help="about so long is a run at least")
    parser.add_argument("--json", type=Path, help="default: var/benchmarks/contrast-<date>.json")
    return parser.parse_args()


def main() -> int:
    end_in_order_on_sigterm()
    options = arguments()
    jobs = options.jobs or 2 * options.clients
    facts = benchmark(options.kinds, options.workers, options.rounds, options.clients, jobs, options.seconds)
    print(text(facts))
    file = options.json or FOLDER / f"contrast-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(facts, indent=1) + "\n")
    print(f"\nwritten to {file}")
    return 0 if all_fine(facts) else 1


if __name__ == "__main__":
    sys.exit(main())
