"""The job: the only truth about what was asked and what became of it. Every way it changes state is here."""

from __future__ import annotations

import json
import logging
import secrets
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import connection, models, transaction
from django.db.models import Q

from tasks import wakeups
from tasks.clock import DatabaseNow
from tasks.deaths import Death, verdict
from tasks.errors import Code, document
from tasks.kinds import Kind, kinds
from tasks.models.files import Input, SavedFile, delete_files
from tasks.transitions import FORGET_INPUTS, INPUTS, RUNNING, TURN, cancel_statement, claim_statement, let_go_statement, rows
from tasks.uploads import Upload

logger = logging.getLogger(__name__)
POSITION_CAP = 1000
CLAIMED = frozenset(  # what a worker needs; the rest of the row is read only if somebody asks for it
    ("id", "owner_id", "kind", "operation", "parameters", "model_version", "state", "attempts", "crashes", "losses")
    + ("fresh_child", "lease", "worker", "life", "pid", "progress_step", "deadline_seconds", "cancel_requested", "stopping")
)


class State(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class Stopping(models.TextChoices):
    """Why a parent took the lease of a running job away before it killed its process."""

    TIMEOUT = "timeout"
    CANCELED = "canceled"


ENDED = (State.SUCCEEDED, State.FAILED, State.CANCELED, State.EXPIRED)


@dataclass(frozen=True)
class Claimant:
    """Who claims: a worker's name, its life, the pid of the child, and whether that child has finished no job yet."""

    worker: str
    life: str
    pid: int
    fresh: bool


@cache
def claimed_fields() -> list[Any]:
    """The fields that a claim answers, in the order of the model, as `from_db` wants them."""
    return [field for field in Job._meta.concrete_fields if field.attname in CLAIMED]


@cache
def claimed_columns() -> str:
    return ", ".join(field.column for field in claimed_fields())


@cache
def claimed_names() -> list[str]:
    return [field.attname for field in claimed_fields()]


@cache
def converters(vendor: str) -> list[tuple[int, Any]]:
    """The position of each claimed value that is not yet what the model wants, and what makes it so."""
    return [
        (position, convert)
        for position, field in enumerate(claimed_fields())
        for convert in [*connection.ops.get_db_converters(field.cached_col), *field.get_db_converters(connection)]
    ]


def job_of(row: Sequence[Any]) -> Job:
    """The job of a row of claimed columns. `raw()` would do the same for the price of another claim: it compiles a query each time."""
    values = list(row[: len(claimed_names())])
    for position, convert in converters(connection.vendor):
        values[position] = convert(values[position], None, connection)
    return Job.from_db(connection.alias, claimed_names(), values)


class JobQuerySet(models.QuerySet["Job"]):
    def submit(
        self, *, owner_id: int, kind: Kind, operation: str, parameters: dict[str, Any], uploads: Mapping[str, Upload], units: float
    ) -> Job:
        """Store the inputs, commit a queued row, and make sure that a worker will look.

        Rows of inputs come first (`receiving`), then the files, then the job: whatever dies between leaves at most an old `receiving` row.
        """
        facts = kind.operations[operation]
        inputs = [Input.objects.receive(owner_id, role, upload) for role, upload in uploads.items()]
        job = Job(
            owner_id=owner_id,
            kind=kind.name,
            operation=operation,
            parameters=parameters,
            units=units,
            deadline_seconds=facts.deadline_seconds + facts.deadline_seconds_per_unit * units,
            model_version=kind.model_version,
        )
        job.turn = self.next_turn(job)
        with transaction.atomic():
            job.save(force_insert=True)
            stored = Input.objects.filter(pk__in=[received.pk for received in inputs]).update(job=job, state=Input.State.STORED)
            if stored != len(inputs):
                raise RuntimeError("an input was swept before its job was there: has the database's clock jumped?")
            transaction.on_commit(lambda: wakeups.wake(job.kind))
        return job

    def next_turn(self, job: Job) -> int:
        """1 + the owner's last turn in this queue, never below the turn that is served there now (the lowest that waits)."""
        [(served, own)] = rows(TURN, {"kind": job.kind, "priority": job.priority, "owner": job.owner_id})
        return served or 0 if own is None else max(served, own + 1)

    def claim(self, kind: str, claimant: Claimant) -> Job | None:
        """Take the next queued job of this kind in one statement; None if there is none."""
        values = {
            "kind": kind,
            "lease": secrets.token_hex(16),
            "worker": claimant.worker,
            "life": claimant.life,
            "pid": claimant.pid,
            "fresh": claimant.fresh,
            "lease_margin": settings.LEASE_MARGIN_SECONDS,
        }
        claimed = rows(claim_statement(connection.vendor, claimed_columns()), values)
        if not claimed:
            return None
        job = job_of(claimed[0])
        job.claimed_inputs = json.loads(claimed[0][len(claimed_names())] or "{}")
        return job

    def waiting(self, kind: str) -> bool:
        return self.filter(kind=kind, state=State.QUEUED, cancel_requested=False).exists()

    def run_by(self, life: str) -> list[Job]:
        """What a worker runs. Its parent asks twice a second, so this is a statement of our own."""
        return [job_of(row) for row in rows(RUNNING.format(columns=claimed_columns()), {"life": life})]

    def ended_among(self, ids: Iterable[str]) -> list[str]:
        return [str(pk) for pk in self.filter(pk__in=list(ids), state__in=ENDED).values_list("pk", flat=True)]


class Job(models.Model):
    """One accepted request. `lease` belongs to the worker that runs it: whoever holds it may write the job's end."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="jobs", db_index=False)
    kind = models.CharField(max_length=40)
    operation = models.CharField(max_length=40)
    parameters = models.JSONField(default=dict)
    units = models.FloatField(default=1.0)
    model_version = models.CharField(max_length=80)

    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    priority = models.SmallIntegerField(default=0)
    turn = models.BigIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    progress = models.FloatField(default=0.0)
    progress_step = models.CharField(max_length=80, default="", blank=True)
    result = models.JSONField(null=True)
    error = models.JSONField(null=True)
    warnings = models.JSONField(default=list)

    created_at = models.DateTimeField(db_default=DatabaseNow())
    expires_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    deadline_seconds = models.FloatField()

    lease = models.CharField(max_length=32, null=True)  # noqa: DJ001 (no lease is not an empty lease)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=120, default="", blank=True)
    life = models.CharField(max_length=32, default="", blank=True)
    pid = models.IntegerField(default=0)
    stopping = models.CharField(max_length=10, choices=Stopping.choices, default="", blank=True)
    fresh_child = models.BooleanField(default=True)
    attempts = models.PositiveIntegerField(default=0)
    crashes = models.PositiveSmallIntegerField(default=0)
    losses = models.PositiveSmallIntegerField(default=0)

    objects: ClassVar = JobQuerySet.as_manager()
    claimed_inputs: dict[str, str] | None = None  # stored inputs by role, as the claim answered them

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["kind", "priority", "turn", "created_at", "id"], condition=Q(state="queued"), name="job_queued"),
            models.Index(fields=["owner", "kind", "priority", "turn"], condition=Q(state="queued"), name="job_queued_of_owner"),
            models.Index(fields=["life", "pid"], condition=Q(state="running"), name="job_running"),
            models.Index(fields=["owner", "-created_at", "-id"], name="job_of_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}/{self.operation} {self.id} {self.state}"

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def key(self) -> Any:
        """The id as this database wants it in a statement of ours."""
        return Job._meta.pk.get_db_prep_value(self.pk, connection)

    @property
    def facts(self) -> Kind:
        return kinds()[self.kind]

    def open_inputs(self) -> dict[str, File[bytes]]:
        """Each stored input, open for reading, by its role; the caller closes them."""
        stored = dict(rows(INPUTS, {"id": self.key})) if self.claimed_inputs is None else self.claimed_inputs
        return {role: default_storage.open(name) for role, name in stored.items()}

    def end(
        self,
        state: str,
        *,
        result: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
        warnings: Sequence[Mapping[str, str]] = (),
        files: Sequence[SavedFile] = (),
        crashes: int = 0,
        losses: int = 0,
        attempts: int = 0,
    ) -> str | None:
        """Let go of a running job whose lease is mine; every end of a running job passes here. Its state now, None if the lease is not
        mine.

        A job whose cancel was requested becomes canceled, whatever `state` says. Saved files' rows and the kind's `on_success` are in the
        same transaction. Raises ValueError for a result that JSON cannot hold (NaN), database errors as they come.
        """
        values = {
            "id": self.key,
            "lease": self.lease,
            "state": state,
            "ended": state in ENDED,
            "result": None if result is None else json.dumps(result, allow_nan=False),
            "error": None if error is None else json.dumps(error),
            "warnings": json.dumps(list(warnings), allow_nan=False),
            "no_warnings": "[]",
            "crashes": crashes,
            "losses": losses,
            "attempts": attempts,
        }
        with transaction.atomic():
            written = rows(let_go_statement(connection.vendor), values)
            if not written:
                return None
            self.state = written[0][0]
            if self.state == State.SUCCEEDED and result is not None:
                SavedFile.objects.bulk_create(files)
                self.facts.on_success(self, result)
            self.on_let_go()
        return self.state

    def release(self, give_back: bool = False) -> str | None:
        """Queue a running job again, to nobody's blame (canceled instead if that was asked for); with its attempt, if that is to be."""
        return self.end(State.QUEUED, attempts=-1 if give_back else 0)

    def stopped(self) -> str | None:
        """The end of a job whose process its parent killed for a deadline or a cancel."""
        if self.stopping == Stopping.CANCELED:
            return self.end(State.CANCELED)
        return self.fail(Code.TIMEOUT, f"The job ran longer than the {self.deadline_seconds:g} s that it may take.")

    def ended_by_me(self, state: str) -> str | None:
        """After a commit whose answer was lost: the state in the row, if that is the end that I wrote under my lease."""
        mine = Job.objects.filter(pk=self.pk, lease=self.lease, state__in=(state, State.CANCELED))
        return mine.values_list("state", flat=True).first() if state in ENDED else None

    def fail(self, code: Code, detail: str) -> str | None:
        return self.end(State.FAILED, error=document(code, detail))

    def after(self, death: Death) -> dict[str, Any]:
        """The arguments of `end` for a job whose process died."""
        blame = verdict(self, death)
        counts = {"crashes": blame.crashes, "losses": blame.losses}
        if blame.code:
            return {"state": State.FAILED, "error": document(blame.code, blame.detail), **counts}
        return {"state": State.QUEUED, **counts}

    def settle(self, death: Death) -> str | None:
        """Let go of a running job whose process died: queued again, or failed if that was the last crash or loss it had."""
        state = self.end(**self.after(death))
        names = f"job {self.pk} kind={self.kind} worker={self.worker} life={self.life} attempt={self.attempts}"
        logger.warning("%s: process %s lost to %s; now %s", names, self.pid, death.signal or death.reason, state)
        return state

    def cancel(self) -> None:
        """At once while it is queued; a running job's result is discarded; an ended job stays as it is. Idempotent."""
        with transaction.atomic():
            written = rows(cancel_statement(connection.vendor), {"id": self.key})
            if written and written[0][0] == State.CANCELED:
                self.state = State.CANCELED
                self.on_let_go()

    def on_let_go(self) -> None:
        """What follows a state written a moment ago in this transaction."""
        if not self.ended:
            transaction.on_commit(lambda: wakeups.wake(self.kind))
            return
        if self.facts.keep_inputs_seconds == 0:
            self.forget_inputs()
        transaction.on_commit(lambda: wakeups.announce(str(self.pk)))

    def forget_inputs(self) -> None:
        """Mark the inputs deleted, and delete their files after the commit."""
        names = [name for (name,) in rows(FORGET_INPUTS, {"id": self.key})]
        transaction.on_commit(lambda: delete_files(names))

    def queue_position(self) -> int | None:
        """How many jobs of this kind are served before it, plus one; None unless queued. Never counts past the cap."""
        if self.state != State.QUEUED:
            return None
        earlier = Q(priority__lt=self.priority) | Q(priority=self.priority, turn__lt=self.turn)
        earlier |= Q(priority=self.priority, turn=self.turn, created_at__lt=self.created_at)
        ahead = Job.objects.filter(earlier, kind=self.kind, state=State.QUEUED).values("pk")[: POSITION_CAP + 1]
        return ahead.count() + 1
