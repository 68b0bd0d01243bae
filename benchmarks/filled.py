"""One side of `benchmarks.million` and `benchmarks.depth`: fills a database, then does on request what web, worker and housekeeping do.

`python -m benchmarks.filled ENDED QUEUED`: so many ended jobs, and so many that wait. It reads `count`, `round`, `queue_round` and
`retention SECONDS` from standard input, a line each, and answers each with JSON.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from benchmarks.engine import FILE  # noqa: E402
from fitsize.models import ApiKey, User  # noqa: E402
from tasks.errors import Code  # noqa: E402
from tasks.housekeeping import Housekeeping  # noqa: E402
from tasks.kinds import kinds  # noqa: E402
from tasks.metrics import queues  # noqa: E402
from tasks.models import Job, State, Worker, WorkerState, kind_states  # noqa: E402
from tasks.models.states import Claimant  # noqa: E402

REPEATS = 20
OWNERS = 1000
DAYS = 29
RESULT = json.dumps({"points": [[number, number] for number in range(20)]})
ERROR = json.dumps({"code": "internal_error", "detail": "Something went wrong on our side", "status": 500, "retryable": True})
SERIES = {
    "sqlite": "(WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {jobs}) SELECT n FROM series) series",
    "postgresql": "generate_series(1, {jobs}) AS series(n)",
}
BEFORE_NOW = {
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', printf('-%%.3f seconds', {seconds}))",
    "postgresql": "now() - interval '1 second' * ({seconds})",
}
RANDOM_ID = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "gen_random_uuid()"}


def ended(jobs: int, first_owner: int) -> dict[str, str]:
    """Ended jobs of the last 29 days: half of them one owner's, the others a thousand owners'; 3 of 100 failed, 1 canceled."""
    vendor, spacing = connection.vendor, DAYS * 86_400 / jobs
    values = {
        "state": "CASE WHEN n %% 100 < 3 THEN 'failed' WHEN n %% 100 = 3 THEN 'canceled' ELSE 'succeeded' END",
        "result": f"CASE WHEN n %% 100 > 3 THEN '{RESULT}' END",
        "error": f"CASE WHEN n %% 100 < 3 THEN '{ERROR}' END",
        "created_at": BEFORE_NOW[vendor].format(seconds=f"n * {spacing}"),
        "started_at": BEFORE_NOW[vendor].format(seconds=f"n * {spacing} - 0.01"),
        "finished_at": BEFORE_NOW[vendor].format(seconds=f"n * {spacing} - 0.06"),
        "attempts": "1",
        "inputs_kept": "false",
        "counted": "true",
    }
    if vendor == "postgresql":
        values |= {"result": f"CAST({values['result']} AS jsonb)", "error": f"CAST({values['error']} AS jsonb)"}
    return values | {"owner_id": owner(first_owner)}


def queued(first_owner: int, key: int) -> dict[str, str]:
    """Jobs that wait, submitted 0.1 s after one another: half of them one owner's, with one key; each in its owner's turn."""
    return {
        "owner_id": owner(first_owner),
        "api_key": f"CASE WHEN n %% 2 = 0 THEN {key} END",
        "turn": f"CASE WHEN n %% 2 = 0 THEN n / 2 ELSE n / {2 * OWNERS} END",
        "created_at": BEFORE_NOW[connection.vendor].format(seconds="3600 * 24 - n * 0.1"),
    }


def owner(first: int) -> str:
    return f"CASE WHEN n %% 2 = 0 THEN {first} ELSE {first} + 1 + n %% {OWNERS} END"


def fill(jobs: int, values: dict[str, str]) -> None:
    """So many jobs; `values` are expressions of the number `n` for the columns that differ."""
    vendor = connection.vendor
    template = Job(kind="fakes", operation="echo", deadline_seconds=60, model_version="fake-1")
    values = {"id": RANDOM_ID[vendor], **values}
    others: dict[str, Any] = {}
    for field in Job._meta.concrete_fields:
        if field.attname not in values:
            others[field.attname] = field.get_db_prep_save(getattr(template, field.attname), connection)
    columns = [*values, *others]
    chosen = ", ".join([*values.values(), *["%s"] * len(others)])
    statement = f"INSERT INTO tasks_job ({', '.join(columns)}) SELECT {chosen} FROM {SERIES[vendor].format(jobs=jobs)}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, list(others.values()))
        cursor.execute("ANALYZE" if vendor == "sqlite" else "VACUUM ANALYZE tasks_job")


class Work:
    """What is done to a table, part by part; the queue is as long after a part as before it."""

    def __init__(self, jobs: int, waiting: int) -> None:
        call_command("migrate", verbosity=0)
        self.owner = User.objects.create(username="owner")
        User.objects.bulk_create([User(username=f"other {number}") for number in range(OWNERS + 1)])
        if jobs:
            fill(jobs, ended(jobs, self.owner.pk))
        key, secret = ApiKey.objects.issue(self.owner, "benchmark", list(kinds()), rate=0, queued=0)
        self.client = Client(headers={"authorization": f"Bearer {secret}"})
        self.housekeeping = Housekeeping()
        self.claimant = Claimant(worker="fakes@here", life="life", pid=1, fresh=False)
        Worker.objects.create(life="life", name="fakes@here", kind="fakes", pid=1, state=WorkerState.READY)
        for _ in range(60):  # enough ended jobs for an estimate and for a page, also of the failed
            self.submit()
            self.run()
            self.submit()
            self.claim().fail(Code.INTERNAL_ERROR, "")
        self.ended = self.submit()
        self.run()
        if waiting:
            fill(waiting, queued(self.owner.pk, key.pk))
        self.queued = self.submit()

    def submit(self) -> str:
        answer = self.client.post("/api/v1/fakes/echo", {"file": FILE}, content_type="application/json")
        assert answer.status_code == 202, answer.content
        return str(answer["Location"])

    def claim(self) -> Job:
        job = Job.objects.claim("fakes", self.claimant)
        assert job
        return job

    def run(self) -> None:
        assert self.claim().end(State.SUCCEEDED, result={"ok": 1})

    def get(self, address: str) -> None:
        assert self.client.get(address).status_code == 200

    def tick(self) -> None:
        self.housekeeping.retention.began = -1e9
        self.housekeeping.tick()

    def round(self) -> dict[str, float]:
        """Median milliseconds of each part."""
        claimed: list[Job] = []
        parts: dict[str, Callable[[], object]] = {
            "submit": self.submit,
            "claim": lambda: claimed.append(self.claim()),
            "end": lambda: claimed.pop().end(State.SUCCEEDED, result={"ok": 1}),
            "poll, ended": lambda: self.get(self.ended),
            "poll, queued": lambda: self.get(self.queued),
            "list": lambda: self.get("/api/v1/jobs"),
            "list, failed": lambda: self.get("/api/v1/jobs?state=failed"),
            "list, expired (none among all that did not succeed)": lambda: self.get("/api/v1/jobs?state=expired"),
            "list, one kind": lambda: self.get("/api/v1/jobs?kind=faces"),
            "list, a month ago": lambda: self.get("/api/v1/jobs?created_before=2020-01-01T00:00:00Z"),
            "/readyz: states of the kinds": kind_states,
            "housekeeping, with retention": self.tick,
        }
        return {name: self.median(action) for name, action in parts.items()}

    def queue_round(self) -> dict[str, float]:
        """The same for what has to do with the queue."""
        claimed: list[Job] = []
        first = Job.objects.filter(owner=self.owner, state=State.QUEUED).order_by("turn", "created_at")[0]
        parts: dict[str, Callable[[], object]] = {
            "poll, ended": lambda: self.get(self.ended),
            "poll, queued, near the front": lambda: self.get(f"/api/v1/jobs/{first.pk}"),
            "poll, queued, the last": lambda: self.get(self.queued),
            "list": lambda: self.get("/api/v1/jobs"),
            "list, queued": lambda: self.get("/api/v1/jobs?state=queued"),
            "/readyz": lambda: self.get("/readyz"),
            "/metrics: the queues": lambda: list(queues()),
            "housekeeping": self.housekeeping.tick,
            "submit": self.submit,
            "claim": lambda: claimed.append(self.claim()),
            "end": lambda: claimed.pop().end(State.SUCCEEDED, result={"ok": 1}),
        }
        found = {name: self.median(action) for name, action in parts.items()}
        with self.limits(1_000_000):
            found["submit, limits far above the depth"] = self.median(self.submit)
        for _ in range(REPEATS):
            self.run()
        self.queued = self.submit()
        return found

    @contextmanager
    def limits(self, most: int) -> Iterator[None]:
        """So many jobs of the key, and of the kind, may wait; otherwise there are no limits."""
        ApiKey.objects.update(queued=most)
        settings.MAX_QUEUED_PER_KIND = most
        yield
        ApiKey.objects.update(queued=0)
        settings.MAX_QUEUED_PER_KIND = 0

    def median(self, action: Callable[[], object]) -> float:
        return statistics.median(self.timed(action) for _ in range(REPEATS))

    def timed(self, action: Callable[[], object]) -> float:
        started = time.perf_counter()
        action()
        return (time.perf_counter() - started) * 1000

    def retention(self, seconds: float) -> dict[str, float]:
        """A real housekeeping erases a table that is all too old; what a client notices of it, beside one that has nothing to do."""
        found = self.summary("alone_", self.submits_beside(seconds, days=30)) | self.summary("", self.submits_beside(seconds, days=0.01))
        return found | {"erased": Job.objects.filter(erased_at__isnull=False).count(), "seconds": seconds}

    def submits_beside(self, seconds: float, days: float) -> list[float]:
        environment = {**os.environ, "KEEP_RESULTS_DAYS": str(days), "LOG_LEVEL": "WARNING"}
        self.submit()
        self.run()  # the first look counts this end and is the first of retention, too
        housekeeping = subprocess.Popen([sys.executable, "manage.py", "housekeeping"], env=environment)
        while Job.objects.filter(finished_at__isnull=False, counted=False).exists():
            assert housekeeping.poll() is None
            time.sleep(0.05)
        end, taken = time.monotonic() + seconds, []
        while time.monotonic() < end:
            taken.append(self.timed(self.submit))
            time.sleep(0.02)
        housekeeping.terminate()
        housekeeping.wait()
        return taken

    def summary(self, prefix: str, milliseconds: list[float]) -> dict[str, float]:
        cuts = statistics.quantiles(milliseconds, n=20, method="inclusive")
        return {f"{prefix}p50_ms": cuts[9], f"{prefix}p95_ms": cuts[18], f"{prefix}max_ms": max(milliseconds)}


def main() -> None:
    work = Work(*map(int, sys.argv[1:]))
    answers: dict[str, Callable[..., Any]] = {
        "count": Job.objects.count,
        "round": work.round,
        "queue_round": work.queue_round,
        "retention": work.retention,
    }
    for line in sys.stdin:
        what, *values = line.split()
        print(json.dumps(answers[what](*map(float, values))), flush=True)


if __name__ == "__main__":
    main()
