"""Replay a plan, watch the machine, write a report: `python -m jmeter.run mixed --users 30 --duration 300`, or `make load`.

Without `--host` it starts a service of its own on a free port; for the plan `blocking` that is the blocking baseline. The exit code is 0
only if every objective holds.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks import machine
from benchmarks.blocking.server import Baseline
from jmeter import headless, results, samples
from jmeter.home import NotThere, home, java, version
from jmeter.objectives import Limits, Objective, Observed, judge
from jmeter.plans import FOLDER, KNOBS, PLANS, TOTAL
from jmeter.report import page
from jmeter.watch import CLIENTS, Look, Watch, slope
from tests.stack import ROOT, Stack

LOOK_SECONDS = 1.0
SAY_SECONDS = 5.0
ASK_SECONDS = 60.0  # for jobs whose end no client saw, after the run
SETTLED = 1 / 3  # of a run that is left out of a process's growth: what it needs once is no growth
WORKERS = {
    "keypoints": ("keypoints",),
    "faces": ("faces",),
    "spike": ("keypoints", "faces"),
    "old_clients": ("faces",),
    "diarization": ("diarization",),
}
EVERY = ("keypoints", "faces", "diarization")
BLOCKING = "blocking"
OLD_CLIENTS = {
    "LEGACY_CLIENTS": "selfie-app,workload-generator",
    "FACES_IDENTIFY": "true",
    "FACES_IDENTIFY_PURPOSE": "a load test",
}
WEB_PROCESSES = 2  # of the baseline, each with all models


@dataclass(frozen=True)
class Service:
    scheme: str
    host: str
    port: str
    key: str
    own: Stack | Baseline | None = None

    @property
    def address(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jmeter.run", description=__doc__)
    parser.add_argument("plan", choices=PLANS)
    for name in ("users", "duration", "ramp", "think"):
        parser.add_argument(f"--{name}", type=int, help=KNOBS[name][1])
    parser.add_argument("--way", choices=("prefer", "wait", "poll"), help="of waiting")
    parser.add_argument("--knob", action="append", default=[], metavar="NAME=VALUE", help="any other property of the plan")
    for name in ("scheme", "host", "port", "key"):
        parser.add_argument(f"--{name}", default="", help="of a service that runs already" if name == "host" else "")
    parser.add_argument("--files", type=Path, help=KNOBS["files"][1])
    parser.add_argument("--workers", default="", help="of the service that is started: keypoints,faces,faces-2")
    parser.add_argument("--folder", type=Path, help="for the report; default: a new one in var/load")
    parser.add_argument("--patience", type=float, default=600.0, help="seconds beyond the duration after which JMeter is ended")
    for field in fields(Limits):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=float, default=field.default, help="objective")
    return parser


def main() -> int:
    options = arguments().parse_args()
    try:
        about = f"JMeter {version(home())}, {java_version()}"
    except NotThere as missing:
        print(missing, file=sys.stderr)
        return 2
    folder = (options.folder or ROOT / "var" / "load" / f"{options.plan}-{datetime.now(UTC):%Y%m%d-%H%M%S}").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    say = speaker()
    with service(options, folder, say) as found:
        say(f"plan {options.plan} against {found.address} ({about})")
        files = options.files.resolve() if options.files else samples.make(folder / "files")
        facts = {"plan": options.plan, "about": about, "address": found.address, "machine": machine.description()}
        facts |= replay(options, found, files, folder, say)
    (folder / "summary.json").write_text(json.dumps(facts["summary"], indent=1))
    (folder / "report.html").write_text(page(facts))
    return verdict(facts, folder / "report.html", say)


def verdict(facts: dict[str, Any], report: Path, say: Callable[[str], None]) -> int:
    for one in facts["objectives"]:
        say(f"{'holds ' if one.holds else 'FAILED'}  {one.name}: {one.measured:g} (at most {one.limit:g})")
    say(f"report: {report}")
    return 0 if all(one.holds for one in facts["objectives"]) else 1


def speaker() -> Callable[[str], None]:
    begun = time.monotonic()
    return lambda text: print(f"{time.monotonic() - begun:6.0f} s  {text}", flush=True)


def java_version() -> str:
    said = subprocess.run([java(), "-version"], capture_output=True, text=True, check=True).stderr
    return next(line.replace('"', "") for line in said.splitlines() if " version " in line)


@contextmanager
def service(options: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> Iterator[Service]:
    """The one that was named, else one of our own, whose logs stay in the folder."""
    if options.host:
        yield Service(options.scheme or "http", options.host, options.port or "8000", options.key)
        return
    if options.plan == BLOCKING:
        say(f"starting the blocking baseline with {WEB_PROCESSES} web processes")
        with Baseline(folder / "service", workers=WEB_PROCESSES) as baseline:
            yield Service("http", "127.0.0.1", str(baseline.port), "none", baseline)
        return
    workers = tuple(options.workers.split(",")) if options.workers else WORKERS.get(options.plan, EVERY)
    say(f"starting a service with workers for {', '.join(workers)}")
    environment = {"DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "fitsize.settings")}
    environment |= OLD_CLIENTS if options.plan == "old_clients" else {}
    (folder / "service").mkdir(exist_ok=True)
    with Stack(folder / "service", workers=workers, environment=environment) as stack:
        host, _, port = stack.bind.rpartition(":")
        yield Service("http", host, port, stack.key, stack)


def properties(options: argparse.Namespace, found: Service, files: Path) -> dict[str, str]:
    knobs = {"scheme": found.scheme, "host": found.host, "port": found.port, "key": found.key, "files": str(files)}
    chosen = {name: getattr(options, name) for name in ("users", "duration", "ramp", "think", "way")}
    knobs |= {name: str(value) for name, value in chosen.items() if value is not None}
    return knobs | dict(one.partition("=")[::2] for one in options.knob)


def replay(options: argparse.Namespace, found: Service, files: Path, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Run the plan to its end (or to that of our patience, or to Ctrl-C), and put together what was seen."""
    knobs = properties(options, found, files)
    headless.results(folder).unlink(missing_ok=True)
    process = headless.start(FOLDER / f"{options.plan}.jmx", folder, knobs)
    watch = Watch(found.own, dict(zip(CLIENTS, (process.pid, os.getpid()), strict=True)))
    try:
        observe(process, watch, headless.results(folder), longest(options, knobs), say)
    except KeyboardInterrupt:
        say("stopped: the report is of what there is")
    finally:
        process.kill()
    exit_code = process.wait()
    seen = results.read(headless.results(folder))
    jobs = results.account(seen)
    observed = Observed(seen, watch.looks, jobs, still_open(found, jobs.unseen, say), exit_code, grown(watch.looks))
    limits = Limits(**{field.name: getattr(options, field.name) for field in fields(Limits)})
    held = judge(limits, observed)
    shown = {**knobs, "key": "..."}
    said = {"knobs": shown, "complaints": headless.complaints(folder), "own": found.own is not None}
    return {**said, "run": observed, "objectives": held, "summary": summary(options.plan, shown, observed, held)}


def longest(options: argparse.Namespace, knobs: dict[str, str]) -> float:
    """As told, or as the plan says by itself."""
    [own] = set(re.findall(r"__P\(duration,(\d+)\)", (FOLDER / f"{options.plan}.jmx").read_text()))
    return float(knobs.get("duration", own)) + float(options.patience)


def observe(process: subprocess.Popen[bytes], watch: Watch, file: Path, seconds: float, say: Callable[[str], None]) -> None:
    """One look a second until JMeter ends; what dies of our own service is started again, as a supervisor does."""
    begun = spoken = time.monotonic()
    tail = Tail(file)
    while process.poll() is None:
        if time.monotonic() - begun > seconds:
            say("JMeter does not come to an end: it is ended")
            process.terminate()
            process.wait(10)
            return
        time.sleep(max(0.0, LOOK_SECONDS - (time.monotonic() - watch.looked_at)))
        if isinstance(watch.service, Stack):
            watch.service.mend()
        look = watch.look()
        tail.read()
        if time.monotonic() - spoken >= SAY_SECONDS:
            spoken = time.monotonic()
            say(in_words(look, tail))


class Tail:
    """Counts in a file of results while it grows; the figures of the report are counted anew."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.offset = self.jobs = self.failures = 0

    def read(self) -> None:
        if not self.file.exists():
            return
        with self.file.open("rb") as lines:
            lines.seek(self.offset)
            new = lines.read()
        whole = new[: new.rfind(b"\n") + 1]
        self.offset += len(whole)
        self.jobs += whole.count(f": {TOTAL},".encode())
        self.failures += whole.count(b",false,")


def in_words(look: Look, tail: Tail) -> str:
    queue = sum(look.queued.values())
    memory = sum(size for name, size in look.megabytes.items() if name not in CLIENTS)
    died = f", DIED: {', '.join(look.died)}" if look.died else ""
    machine_now = f"CPU {look.machine_cpu_percent:.0f} %, memory {look.machine_memory_percent:.0f} %"
    return f"{tail.jobs} jobs seen to their end, {tail.failures} failures, {queue} wait; {machine_now}, service {memory:.0f} MB{died}"


def still_open(found: Service, unseen: Iterable[str], say: Callable[[str], None]) -> int:
    """Of the jobs whose end no client saw, those that do not end either while we ask the service for a minute."""
    waiting = set(unseen)
    if waiting:
        say(f"asking the service for {len(waiting)} jobs whose end no client saw")
    end = time.monotonic() + ASK_SECONDS
    with httpx.Client(base_url=found.address, headers={"Authorization": f"Bearer {found.key}"}, timeout=60, trust_env=False) as http:
        while waiting and time.monotonic() < end:
            job = next(iter(waiting))
            try:
                answer = http.get(f"/api/v1/jobs/{job}", params={"wait": 5})
                ended = answer.status_code == 410 or (answer.status_code == 200 and answer.json()["state"] in results.ENDED)
            except httpx.TransportError:
                return len(waiting)
            waiting -= {job} if ended else set()
    return len(waiting)


def grown(looks: Sequence[Look]) -> dict[str, float]:
    """MB an hour by process, over the later part of the run."""
    later = looks[int(len(looks) * SETTLED) :]
    names = dict.fromkeys(name for look in later for name in look.megabytes)
    return {name: 3600 * slope([(look.at, look.megabytes[name]) for look in later if look.megabytes.get(name)]) for name in names}


def summary(plan: str, knobs: dict[str, str], run: Observed, held: list[Objective]) -> dict[str, Any]:
    """What another report can be compared with."""
    labels = sorted({sample.label for sample in run.samples})
    return {
        "plan": plan,
        "knobs": knobs,
        "samples": {label: row([sample for sample in run.samples if sample.label == label]) for label in labels},
        "jobs": {"submitted": len(run.jobs.submitted), "ended": len(run.jobs.submitted & run.jobs.ended), "never_ended": run.never_ended},
        "megabytes": {name: max(look.megabytes.get(name, 0.0) for look in run.looks) for name in run.growth},
        "growth": run.growth,
        "objectives": [one.document() for one in held],
        "looks": [asdict(look) for look in run.looks],
    }


def row(same: list[results.Sample]) -> dict[str, float]:
    """The figures of one label; per second counted from its first sample's beginning to its last one's end."""
    times = [sample.milliseconds for sample in same]
    span = max(sample.end for sample in same) - min(sample.at for sample in same)
    found = {"count": len(same), "failed": sum(not sample.ok for sample in same), "per_second": len(same) / span if span else 0.0}
    found |= {f"p{share}": results.percentile(times, share / 100) for share in (50, 95, 99)}
    queued = [sample.queued_ms for sample in same if sample.queued_ms is not None]
    running = [sample.run_ms for sample in same if sample.run_ms is not None]
    found |= {"mean": sum(times) / len(times), "max": max(times)}
    return found | {"queued_p50": results.percentile(queued, 0.5), "run_p50": results.percentile(running, 0.5)}


if __name__ == "__main__":
    sys.exit(main())
