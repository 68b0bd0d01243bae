"""One stack, one seed after the other: odd bytes, then schemathesis with all its phases; at the end the books are looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fuzz.notes import Notes
from benchmarks.fuzz.oddities import Oddities, Reply, Request, complaint, send
from benchmarks.fuzz.words import SUBMITS
from tests.stack import ROOT, Stack, eventually

WORKERS = ("keypoints", "faces", "diarization")
ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "benchmarks.fuzz.settings", "MAX_QUEUED_PER_KIND": "0"}  # the key has no limits either
ENVIRONMENT |= {"FACES_IDENTIFY": "true", "FACES_IDENTIFY_PURPOSE": "to look for faults"}
CONFIG = Path(__file__).with_name("schemathesis.toml")
ODD_SHARE = 0.2  # of a round
LONGEST_ROUND_SECONDS = 300
Say = Callable[[str], None]


@dataclass
class Findings:
    """Of each round its seed; `found` is what is wrong, in words: nothing else counts."""

    notes: Notes = field(default_factory=Notes)
    seeds: list[int] = field(default_factory=list)
    found: list[str] = field(default_factory=list)


def fuzz(folder: Path, database_url: str, seconds: float, seed: int, say: Say) -> Findings:
    findings = Findings()
    with Stack(folder, database_url, workers=WORKERS, environment=ENVIRONMENT) as stack:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            length = min(max(left, 20), LONGEST_ROUND_SECONDS)
            say(f"seed {seed}, {length:.0f} s")
            findings.seeds.append(seed)
            odd_round(stack, seed, length * ODD_SHARE, findings)
            schemathesis_round(stack, seed, length * (1 - ODD_SHARE), findings, say)
            seed += 1
        findings.found += left_behind(stack, findings.notes)
    return findings


def odd_round(stack: Stack, seed: int, seconds: float, findings: Findings) -> None:
    host, _, port = stack.bind.rpartition(":")
    odd = Oddities(seed, [job["id"] for job in stack.http.get("/api/v1/jobs").json()["results"]])
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        request = odd.request()
        reply = send((host, int(port)), request, stack.key)
        findings.notes.add("odd bytes", reply.status if reply else 0, accepted(request, reply))
        if wrong := complaint(request, reply):
            findings.found.append(f"seed {seed}: {wrong}: {request} -> {reply}")


def accepted(request: Request, reply: Reply | None) -> str | None:
    """The job that it made."""
    if not reply or request.method != "POST" or reply.status not in (200, 202) or request.path.decode("latin1") not in SUBMITS:
        return None
    return str(json.loads(reply.content)["id"])


def schemathesis_round(stack: Stack, seed: int, seconds: float, findings: Findings, say: Say) -> None:
    notes = stack.folder / f"notes-{seed}.jsonl"
    notes.touch()
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG), "run", f"http://{stack.bind}/api/schema"]
    command += [
        "--header",
        f"Authorization: Bearer {stack.key}",
        "--seed",
        str(seed),
        "--max-time",
        str(max(round(seconds), 1)),
        "--no-color",
    ]
    environment = {**os.environ, **stack.environment, "FUZZ_NOTES": str(notes)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=seconds + 300)
    findings.notes.read(notes)
    (stack.folder / f"schemathesis-{seed}.log").write_text(done.stdout + done.stderr)
    if done.returncode:
        findings.found.append(f"seed {seed}: schemathesis ended with {done.returncode}")
        say(done.stdout[-20_000:] + done.stderr[-5_000:])


def left_behind(stack: Stack, notes: Notes) -> Iterator[str]:
    """What the database, the disk and the logs say against the service, once all jobs have ended."""
    eventually(lambda: stack.select("SELECT count(*) FROM tasks_job WHERE state IN ('queued', 'running')") == [(0,)], 120)
    rows = {hexadecimal(job) for (job,) in stack.select("SELECT id FROM tasks_job")}
    known = {hexadecimal(job) for job in notes.accepted}
    if lost := known - rows:
        yield f"accepted and not in the database: {sorted(lost)[:5]}"
    if unknown := rows - known:
        yield f"in the database and never accepted: {sorted(unknown)[:5]}"
    if stack.select("SELECT id FROM tasks_input WHERE job_id IS NULL"):
        yield "there are inputs without a job"
    with suppress(AssertionError):
        eventually(lambda: not strays(stack), 30)
    if left := strays(stack):
        yield f"files without a row: {sorted(left)[:5]}"
    for name in stack.programs:
        if "Traceback" in stack.log(name):
            yield f"a traceback in the log of {name}"


def strays(stack: Stack) -> set[str]:
    """Stored files that no row speaks of."""
    media = stack.folder / "files"
    stored = {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()}
    stored |= {str(path) for path in (stack.folder / "incoming").iterdir()}
    inputs = stack.select("SELECT file FROM tasks_input JOIN tasks_job ON tasks_job.id = job_id WHERE inputs_kept")
    return stored - {name for (name,) in inputs + stack.select("SELECT file FROM tasks_savedfile")}


def hexadecimal(job: Any) -> str:
    return str(job).replace("-", "")
