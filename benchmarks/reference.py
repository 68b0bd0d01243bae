"""Our engine beside the findings' reference code, in one run: `python -m benchmarks.reference [--jobs 400] [--rounds 4]`.

Machines differ, so a ratio to figures of another machine says little. The reference code (no keys, no rows of inputs, no deadlines) lies
beside the project, in ../shared/prototypes/front; without it this program says so and ends.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.client import Load, drive
from benchmarks.engine import FILE, FOLDER, Configuration, load_of, running_stack
from benchmarks.processes import cpu_of, end_in_order_on_sigterm, family, groups, settled
from fitsize.broker import embedded_broker, free_port
from tests.stack import ROOT, eventually, kill_tree

PROTOTYPE = ROOT.parent / "shared" / "prototypes" / "front"
MODEL_MS = 50.0
Groups = dict[str, list[int]]


class Reference:
    """The prototype's processes: Redis, two workers at nice 10, gunicorn with the front, the sweeper."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.code = folder / "code"
        shutil.copytree(PROTOTYPE, self.code)
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(self.code),
            "DJANGO_SETTINGS_MODULE": "site_.settings",
            "SQLITE": str(folder / "db.sqlite3"),
            "REDIS_SOCK": str(folder / "redis.sock"),
            "BLOBS": str(folder / "blobs"),
            "SYNC": "FULL",
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, cwd=self.code, env=self.environment, stdout=log, stderr=subprocess.STDOUT)

    def start_all(self) -> None:
        python = sys.executable
        broker = embedded_broker(self.folder)
        self.start("broker", broker.command)
        eventually(broker.answers, 15)
        subprocess.run([python, "manage.py", "migrate", "-v0"], cwd=self.code, env=self.environment, check=True)
        for name in ("parent-1", "parent-2"):
            worker = [python, "-m", "celery", "-A", "site_", "worker", "-n", f"{name}@here", "-Q", "faces", "-c", "1"]
            self.start(name, ["nice", "-n", "10", *worker, "--without-gossip", "--without-mingle", "-l", "WARNING"])
        self.start("web", [python, "-m", "gunicorn", "-b", f"127.0.0.1:{self.port}", "--log-level", "error", "site_.asgi"])
        self.start("sweeper", [python, "sweeper.py"])
        time.sleep(6)

    def groups(self) -> Groups:
        parents = [process.pid for name, process in self.processes.items() if name.startswith("parent")]
        children = [pid for parent in parents for pid in family(parent) if pid != parent]
        return {"web": family(self.processes["web"].pid), "parent": parents, "child": children, "broker": [self.processes["broker"].pid]}

    def load(self, jobs: int) -> Load:
        body = json.dumps({"image": FILE, "params": {"ms": MODEL_MS}})
        return Load(port=self.port, path="/api/faces/jobs", body=body, jobs=jobs, clients=30)


@contextmanager
def running_reference() -> Iterator[Reference]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=FOLDER, prefix="reference-") as folder:
        reference = Reference(Path(folder))
        try:
            reference.start_all()
            yield reference
        finally:
            for process in reference.processes.values():
                kill_tree(process.pid)
                process.wait()


def cost(load: Load, processes: Groups) -> dict[str, float]:
    """CPU ms per job by process; the child's beyond the model, and the sum of parent, child and broker. Every job has to succeed."""
    before = cpu_of(processes)
    seen = drive(load)
    settled(0.3)
    assert seen.answers == {"200 succeeded": load.jobs}, seen.answers
    spent = {name: (seconds - before[name]) * 1000 / load.jobs for name, seconds in cpu_of(processes).items()}
    spent["child"] -= MODEL_MS
    return {**spent, "sum": spent["parent"] + spent["child"] + spent["broker"]}


def main() -> int:
    end_in_order_on_sigterm()
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    if not PROTOTYPE.is_dir():
        print("The reference code is not here (../shared/prototypes/front): nothing to compare with.")
        return 0
    configuration = Configuration("30 clients, Prefer: wait", 30, options.jobs, MODEL_MS)
    ours: list[dict[str, float]] = []
    theirs: list[dict[str, float]] = []
    with running_reference() as reference, running_stack() as stack:
        drive(load_of(stack, configuration, 68))
        drive(reference.load(68))
        for _ in range(options.rounds):
            ours.append(cost(load_of(stack, configuration, options.jobs), groups(stack)))
            theirs.append(cost(reference.load(options.jobs), reference.groups()))
            print(f"ours {ours[-1]['sum']:.2f}, reference {theirs[-1]['sum']:.2f}", flush=True)
    report(ours, theirs)
    return 0


def report(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> None:
    print(f"\nCPU ms per job, 30 clients, Prefer: wait, {MODEL_MS:g} ms model; median (lowest-highest) of {len(ours)} rounds by turns")
    for name in ("web", "parent", "child", "broker", "sum"):
        print(f"{name:8} ours {spread([run[name] for run in ours])}  reference {spread([run[name] for run in theirs])}")
    print(f"parent + child + broker, ours / reference: {spread([a['sum'] / b['sum'] for a, b in zip(ours, theirs, strict=True)])}")


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):5.2f} ({min(values):.2f}-{max(values):.2f})"


if __name__ == "__main__":
    sys.exit(main())
