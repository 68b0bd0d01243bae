"""The mixed scenario for Locust: garments, selfies, pairs of selfies and recordings; each job is submitted and waited for.

    pip install locust
    python -m benchmarks.inputs var/load          # a garment, two selfies, a recording; or a folder with your own
    FITSIZE_KEY=fitsize_... locust -f jmeter/locustfile.py --headless --run-time 5m --host http://127.0.0.1:8000

30 users, 5 more each second (`-u`, `-r`), and a minute for the last jobs to end (`--stop-timeout`), unless told otherwise. For each
operation the statistics have `submit` and `wait` (single requests) and, as the type JOB, `time to result` (from the submit until the client
has seen the end), `queued` and `run` (as the job itself reports them). Locust ends with 1 if anything failed; so it does, and says so, if a
job that was accepted was not seen to end. The delays are those of a closed loop: a slow service is also asked less often.

From the environment: FITSIZE_KEY; FILES (var/load), a folder; WEIGHTS (keypoints=4,faces_validate=3,faces_verify=2,diarization=1), how
often each operation is chosen; WAY, how the end is awaited: `prefer` (with the submit, then `?wait=`), `wait` (`?wait=`) or `poll` (by
Retry-After); WAIT (20), seconds asked for; PATIENCE (120), seconds after which a job is given up as failed; THINK (0.1), seconds between
two jobs of a user.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from locust import HttpUser, constant, events

KEY = os.environ.get("FITSIZE_KEY", "")
FILES = Path(os.environ.get("FILES", "var/load"))
WEIGHTS = os.environ.get("WEIGHTS", "keypoints=4,faces_validate=3,faces_verify=2,diarization=1")
WAY = os.environ.get("WAY", "prefer")
WAIT = int(os.environ.get("WAIT", "20"))
PATIENCE = float(os.environ.get("PATIENCE", "120"))
THINK = float(os.environ.get("THINK", "0.1"))

UNDER_WAY = ("queued", "running")
USERS, USERS_PER_SECOND, LAST_JOBS_SECONDS = 30, 5, 60
SUBMIT, RESULT = "submit", "time to result"


@dataclass(frozen=True)
class Operation:
    """`files` are names in FILES by their role; `wanted` is the part of a result that may not be empty."""

    path: str
    files: dict[str, str]
    wanted: str
    fields: dict[str, str] = field(default_factory=dict)


OPERATIONS = {
    "keypoints": Operation("keypoints", {"image": "garment.jpg"}, "measurements", {"clothing": "short_sleeve_top"}),
    "faces_validate": Operation("faces/validate", {"selfie": "selfie.jpg"}, "verdict"),
    "faces_verify": Operation("faces/verify", {"selfie": "selfie.jpg", "reference": "reference.jpg"}, "verdict"),
    "diarization": Operation("diarization", {"audio": "recording.wav"}, "turns"),
}


class Unfinished(Exception):
    """What a job failed with, seen from the client: its text is what the statistics group by."""


class Visitor(HttpUser):
    """One user: a job, the wait for its end, a pause, the next job."""

    host = "http://127.0.0.1:8000"
    wait_time = constant(THINK)

    def on_start(self) -> None:
        self.client.headers["Authorization"] = f"Bearer {KEY}"

    def run_job(self, name: str) -> None:
        started = time.perf_counter()
        job = self.submit(name)
        if job is None:
            return
        error: Unfinished | None = None
        try:
            job = self.ended(name, job, until=started + PATIENCE)
            check(job, OPERATIONS[name])
        except Unfinished as unfinished:
            error = unfinished
        self.record(f"{name}: {RESULT}", (time.perf_counter() - started) * 1000, error)
        if error is None:
            self.record(f"{name}: queued", job["timings_ms"]["queued"])
            self.record(f"{name}: run", job["timings_ms"]["run"])

    def submit(self, name: str) -> dict[str, Any] | None:
        """The job as the submit answered it; None if it was refused, which the statistics have."""
        operation = OPERATIONS[name]
        files = {role: (file, contents(file)) for role, file in operation.files.items()}
        headers = {"Prefer": f"wait={WAIT}"} if WAY == "prefer" else {}
        address = f"/api/v1/{operation.path}"
        with self.client.post(
            address, data=operation.fields, files=files, headers=headers, name=f"{name}: {SUBMIT}", catch_response=True
        ) as answer:
            return document(answer, 200, 202)

    def ended(self, name: str, job: dict[str, Any], until: float) -> dict[str, Any]:
        """The job once it has ended. Raises Unfinished if a look at it fails, or patience does."""
        pause = 0.0
        while job["state"] in UNDER_WAY:
            if time.perf_counter() > until:
                raise Unfinished(f"still {job['state']} after {PATIENCE:g} s")
            time.sleep(pause)
            address = job["links"]["self"] + ("" if WAY == "poll" else f"?wait={WAIT}")
            with self.client.get(address, name=f"{name}: wait", catch_response=True) as answer:
                looked = document(answer, 200)
                pause = float(answer.headers.get("Retry-After", 1)) if WAY == "poll" else 0.0
            if looked is None:
                raise Unfinished("a look at the job failed")
            job = looked
        return job

    def record(self, name: str, milliseconds: float, error: Exception | None = None) -> None:
        facts = {"request_type": "JOB", "name": name, "response_time": milliseconds, "response_length": 0}
        self.environment.events.request.fire(**facts, exception=error, context={})


def document(answer: Any, *statuses: int) -> dict[str, Any] | None:
    """The body of an answer with one of these statuses; None, and a failure in the statistics, for any other."""
    if answer.status_code not in statuses:
        answer.failure(f"status {answer.status_code}")
        return None
    body: dict[str, Any] = answer.json()
    return body


def check(job: dict[str, Any], operation: Operation) -> None:
    """Raises Unfinished unless the job has succeeded with a result that says something."""
    if job["state"] != "succeeded":
        raise Unfinished(f"{job['state']}: {(job.get('error') or {}).get('code', '')}")
    if not job["result"].get(operation.wanted):
        raise Unfinished(f"a result without {operation.wanted}")


KEPT: dict[str, bytes] = {}


def contents(file: str) -> bytes:
    """Read once: the disk is not what is measured."""
    if file not in KEPT:
        KEPT[file] = (FILES / file).read_bytes()
    return KEPT[file]


def job_of(name: str) -> Callable[[Visitor], None]:
    def one_job(visitor: Visitor) -> None:
        visitor.run_job(name)

    return one_job


def weights(text: str) -> dict[str, int]:
    """`{"keypoints": 4}` of `keypoints=4`. Raises ValueError for other words."""
    pairs = [part.partition("=") for part in text.split(",")]
    if unknown := [name for name, _, _ in pairs if name not in OPERATIONS]:
        raise ValueError(f"WEIGHTS: there is no {unknown[0]!r}; there are {', '.join(OPERATIONS)}")
    return {name: int(weight) for name, _, weight in pairs}


# A list in which each stands as often as it weighs: Locust reads a dict of weights only in the body of the class.
Visitor.tasks = [task for name, weight in weights(WEIGHTS).items() for task in [job_of(name)] * weight]


@events.init_command_line_parser.add_listener
def defaults(parser: Any) -> None:
    """Of the scenario; Locust's own are one user, and jobs cut off in the middle."""
    parser.set_defaults(num_users=USERS, spawn_rate=USERS_PER_SECOND, stop_timeout=str(LAST_JOBS_SECONDS))


@events.quitting.add_listener
def account(environment: Any, **_: Any) -> None:
    """A run that was cut must not hide the jobs that nobody saw end."""
    entries = {name: entry for (name, _), entry in environment.stats.entries.items()}
    accepted = sum(entry.num_requests - entry.num_failures for name, entry in entries.items() if name.endswith(f": {SUBMIT}"))
    ended = sum(entry.num_requests for name, entry in entries.items() if name.endswith(f": {RESULT}"))
    print(f"{accepted} jobs accepted, {ended} seen to their end")
    if ended < accepted or not accepted:
        environment.process_exit_code = 1
