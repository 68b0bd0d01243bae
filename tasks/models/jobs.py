"""The job: the only truth about what was asked and what became of it. Every way it changes state is here."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, ClassVar

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import connection, models, transaction
from django.db.models import Q
from django.utils.module_loading import import_string

from tasks import wakeups
from tasks.clock import DatabaseNow
from tasks.deaths import MEMORY_LIMIT, Death, verdict
from tasks.errors import RETRYABLE, Code, Refused, document
from tasks.kinds import Corrections, Kind, Operation, kinds
from tasks.languages import sentence
from tasks.models import fingerprints
from tasks.models.counters import CONVICTIONS, CRASHES, LATE_WRITES, LOSSES, RETRIES, Counter, Event, Key, count_end
from tasks.models.files import SavedFile, delete_files, saved_folder, stored_below
from tasks.models.quarantine import Quarantine
from tasks.models.queue import JobQuerySet
from tasks.models.revisions import Revision, standing
from tasks.models.states import ENDED, UNUSUAL_ENDS, Priority, State, Stopping
from tasks.models.webhooks import Delivery, WebhookEndpoint
from tasks.transitions import (
    AHEAD,
    CANCEL,
    CHECKPOINT,
    DELETE_INPUTS,
    ERASE,
    EXPIRE,
    FORGET_INPUTS,
    INPUTS,
    KEEP_INPUTS_NO_MORE,
    LET_GO,
    PROGRESS,
    RETRY,
    changed,
    commit_unsynced,
    rows,
)

logger = logging.getLogger(__name__)
POSITION_CAP = 1000


def strict_json(value: Any) -> str:
    """Raises ValueError for what a client could not be answered: NaN, and half a character (a lone surrogate)."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    text.encode()
    return text


class Job(models.Model):
    """One accepted request. `lease` belongs to the worker that runs it: whoever holds it may write the job's end."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="jobs", db_index=False)
    api_key = models.BigIntegerField(null=True)  # with which it was submitted: limits sit on the key
    kind = models.CharField(max_length=40)
    operation = models.CharField(max_length=40)
    parameters = models.JSONField(default=dict)
    units = models.FloatField(default=1.0)
    model_version = models.CharField(max_length=80)

    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    priority = models.SmallIntegerField(choices=Priority.choices, default=Priority.INTERACTIVE)
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
    finished_at = models.DateTimeField(null=True)
    deadline_seconds = models.FloatField()

    lease = models.CharField(max_length=32, null=True)  # noqa: DJ001 (no lease is not an empty lease)
    worker = models.CharField(max_length=120, default="", blank=True)
    life = models.CharField(max_length=32, default="", blank=True)
    pid = models.IntegerField(default=0)
    stopping = models.CharField(max_length=10, choices=Stopping.choices, default="", blank=True)
    fresh_child = models.BooleanField(default=True)
    attempts = models.PositiveIntegerField(default=0)
    crashes = models.PositiveSmallIntegerField(default=0)
    losses = models.PositiveSmallIntegerField(default=0)

    checkpoint_step = models.IntegerField(default=0)
    checkpoint_file = models.CharField(max_length=200, default="", blank=True)
    resumed_step = models.IntegerField(default=0)  # the checkpoint that this attempt began from
    keep_input = models.BooleanField(default=True)  # what the caller wishes; false: not beyond the job's end, whatever its kind's rule
    inputs_kept = models.BooleanField(default=True)
    erased_at = models.DateTimeField(null=True)  # a tombstone: without data, answers 410
    retried_at = models.DateTimeField(null=True)  # it has waited since then, and not since it was made
    counted = models.BooleanField(default=False)  # its end is in the counters
    revision = models.PositiveIntegerField(default=0)  # the number of the last correction; 0: the result is the model's own
    # Who is told of its end. It may be deleted: then nobody is, and no row of a job has to be looked for and changed.
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )

    objects: ClassVar = JobQuerySet.as_manager()
    claimed_inputs: dict[str, str] | None = None  # stored inputs by role, as the claim answered them

    class Meta:
        indexes: ClassVar = [
            models.Index(  # the last column is for the age of the oldest alone
                fields=["kind", "priority", "turn", "created_at", "id", "retried_at"], condition=Q(state="queued"), name="job_queued"
            ),
            models.Index(fields=["owner", "kind", "priority", "turn"], condition=Q(state="queued"), name="job_queued_of_owner"),
            models.Index(fields=["life", "pid"], condition=Q(state="running"), name="job_running"),
            models.Index(fields=["owner", "-created_at", "-id"], name="job_of_owner"),
            models.Index(fields=["owner", "kind", "-created_at", "-id"], name="job_of_owner_and_kind"),
            models.Index(fields=["owner", "-created_at", "-id"], condition=~Q(state="succeeded"), name="job_of_owner_not_succeeded"),
            models.Index(fields=["api_key", "created_at"], name="job_of_key"),
            models.Index(fields=["api_key"], condition=Q(state="queued"), name="job_queued_of_key"),
            models.Index(fields=["expires_at"], condition=Q(state="queued", expires_at__isnull=False), name="job_expiring"),
            models.Index(fields=["kind", "finished_at"], condition=Q(inputs_kept=True, finished_at__isnull=False), name="job_inputs_kept"),
            models.Index(fields=["kind", "finished_at"], condition=Q(erased_at__isnull=True, finished_at__isnull=False), name="job_ended"),
            models.Index(fields=["erased_at"], condition=Q(erased_at__isnull=False), name="job_erased"),
            models.Index(fields=["finished_at"], condition=Q(finished_at__isnull=False, counted=False), name="job_not_counted"),
            models.Index(fields=["created_at"], name="job_newest"),
            *(models.Index(fields=["created_at"], condition=Q(state=state), name=f"job_{state}") for state in UNUSUAL_ENDS),
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

    @property
    def asked(self) -> Operation | None:
        """The facts of its operation; None if that was uninstalled."""
        kind = kinds().get(self.kind)
        return kind.operations.get(self.operation) if kind else None

    def open_inputs(self) -> dict[str, File[bytes]]:
        """Each stored input, open for reading, by its role; the caller closes them."""
        stored = dict(rows(INPUTS, {"id": self.key})) if self.claimed_inputs is None else self.claimed_inputs
        return {role: default_storage.open(name) for role, name in stored.items()}

    def keeps_inputs(self, code: str = "") -> bool:
        """Whether inputs outlive an end with this code: by the kind's own rule, or because the job may be retried."""
        kind = kinds().get(self.kind)  # it may have been uninstalled
        return self.keep_input and (bool(kind and kind.keep_inputs_seconds) or code in RETRYABLE)

    # -- what becomes of a running job: written by whoever holds its lease
    def end(
        self,
        state: str,
        *,
        result: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
        warnings: Sequence[Mapping[str, Any]] = (),
        files: Sequence[SavedFile] = (),
        crashes: int = 0,
        losses: int = 0,
        attempts: int = 0,
        cause: str = "",
    ) -> str | None:
        """Let go of a running job whose lease is mine; every end of a running job passes here. Its state now, None if the lease is not
        mine.

        A job whose cancel was requested becomes canceled, whatever `state` says. Saved files' rows, the kind's `on_success` and the
        quarantine of a crashing input are in the same transaction. `cause` is for the log. Raises ValueError for a result that JSON cannot
        hold (NaN), database errors as they come.
        """
        code = error["code"] if error else ""
        values = {
            "id": self.key,
            "lease": self.lease,
            "state": state,
            "ended": state in ENDED,
            "result": None if result is None else strict_json(result),
            "error": None if error is None else strict_json(error),
            "warnings": strict_json(list(warnings)),
            "no_warnings": "[]",
            "keep_inputs": self.keeps_inputs(code),
            "crashes": crashes,
            "losses": losses,
            "attempts": attempts,
        }
        with transaction.atomic():
            written = changed(LET_GO, values)
            if not written:
                self.note_refused(state)
                return None
            self.state = written[0][0]
            convicted = self.state == State.FAILED and code == Code.WORKER_CRASHED
            if self.state == State.SUCCEEDED and result is not None:
                SavedFile.objects.bulk_create(files)
                self.facts.on_success(self, result)
            if convicted:
                Quarantine.objects.convict(self)
            self.on_let_go(values["keep_inputs"])
            if crashes or losses:
                self.count({CRASHES: crashes, LOSSES: losses, CONVICTIONS: int(convicted)})
        self.log(self.state, logging.WARNING if cause else logging.INFO, code=code, cause=cause)
        return self.state

    def release(self, give_back: bool = False) -> str | None:
        """Queue a running job again, to nobody's blame (canceled instead if that was asked for); with its attempt, if that is to be."""
        return self.end(State.QUEUED, attempts=-1 if give_back else 0)

    def stopped(self) -> str | None:
        """What becomes of a job whose process its parent killed, as `stopping` says.

        A deadline is final, unless this attempt got further than the one before.
        """
        if self.stopping == Stopping.CANCELED:
            return self.end(State.CANCELED)
        if self.stopping == Stopping.MEMORY:
            return self.settle(Death(MEMORY_LIMIT))
        if self.checkpoint_step > self.resumed_step:
            return self.end(State.QUEUED, cause=f"its deadline, after a checkpoint at step {self.checkpoint_step}")
        said = sentence("The job ran longer than the %(seconds)s s that it may take.", seconds=f"{self.deadline_seconds:g}")
        return self.fail(Code.TIMEOUT, said)

    def lost(self, reason: str, asked_to_end: bool) -> str | None:
        """What becomes of a job whose whole worker is gone: a verdict that its parent had reached stands; else it is a loss, unless the
        worker had been asked to end."""
        if self.stopping:
            return self.stopped()
        return self.release() if asked_to_end else self.settle(Death("", reason=reason))

    def ended_by_me(self, state: str) -> str | None:
        """After a commit whose answer was lost: the state in the row, if that is the end that I wrote under my lease."""
        mine = Job.objects.filter(pk=self.pk, lease=self.lease, state__in={state, State.CANCELED} & set(ENDED))
        written = mine.values_list("state", flat=True).first()
        if written:
            self.log(written, cause="a commit whose answer was lost")
        return written

    def fail(self, code: Code, detail: str) -> str | None:
        return self.end(State.FAILED, error=document(code, detail))

    def after(self, death: Death) -> dict[str, Any]:
        """The arguments of `end` for a job whose process died."""
        blame = verdict(self, death)
        counts = {"crashes": blame.crashes, "losses": blame.losses, "cause": death.signal or death.reason}
        if blame.code:
            return {"state": State.FAILED, "error": document(blame.code, blame.detail), **counts}
        return {"state": State.QUEUED, **counts}

    def settle(self, death: Death) -> str | None:
        """Let go of a running job whose process died: queued again, or failed if that was the last crash or loss it had."""
        return self.end(**self.after(death))

    def report(self, progress: float, step: str) -> None:
        """How far a job is whose lease is mine; nothing, if the lease is lost or nobody wants the job any more."""
        with commit_unsynced():
            changed(PROGRESS, {"id": self.key, "lease": self.lease, "fraction": progress, "step": step})

    def keep_checkpoint(self, step: int, file: str) -> bool:
        """Point the row at a stored checkpoint and delete the one before. False if the lease is lost or nobody wants the job any more."""
        values = {"id": self.key, "lease": self.lease, "step": step, "file": file}
        if not changed(CHECKPOINT, values):
            return False
        former, self.checkpoint_step, self.checkpoint_file = self.checkpoint_file, step, file
        delete_files([former] if former else [])
        return True

    # -- what others do to a job
    def cancel(self) -> None:
        """At once while it is queued; a running job's result is discarded; an ended job stays as it is. Idempotent."""
        self.end_queued(CANCEL, State.CANCELED)

    def expire(self) -> None:
        """The end of a queued job that did not start in the time it was given."""
        self.end_queued(EXPIRE, State.EXPIRED)

    def end_queued(self, template: str, state: State) -> None:
        keep_inputs = self.keeps_inputs()
        with transaction.atomic():
            written = changed(template, {"id": self.key, "keep_inputs": keep_inputs})
            if not written or written[0][0] != state:
                return
            self.state = state
            self.on_let_go(keep_inputs)
        self.log(state)

    def retry(self) -> None:
        """Queue a failed job again, as its caller asked; its counters begin anew.

        Raises Refused: `not_retryable` unless it failed for a reason that another attempt may mend, `input_quarantined` until an operator
        has released it, `input_gone` when its inputs are no longer kept.
        """
        code = (self.error or {}).get("code", "")
        if self.state != State.FAILED or code not in RETRYABLE:
            raise Refused(Code.NOT_RETRYABLE)
        files = {stored.role: stored for stored in self.inputs.all()}
        Quarantine.objects.admit(self.owner_id, fingerprints.of_input(self.facts, self.operation, self.parameters, files))
        with transaction.atomic():
            end = count_end(self.key)
            if not changed(RETRY, {"id": self.key, "lease": self.lease, "turn": Job.objects.next_turn(self)}):
                self.refresh_from_db()  # another retry may have been first
                raise Refused(Code.INPUT_GONE if self.state == State.FAILED else Code.NOT_RETRYABLE)
            self.count({RETRIES: 1}, end)
            transaction.on_commit(lambda: wakeups.wake(self.kind))
        self.state = State.QUEUED
        self.log(State.QUEUED, cause="a retry")

    def erase(self) -> None:
        """Make it a tombstone: what was sent, found and saved is gone at once; a running job is canceled. Idempotent."""
        with transaction.atomic():
            Job.objects.select_for_update().filter(pk=self.pk).exists()  # it must not end between the next two statements
            if self.endpoint_id:
                self.cancel()  # an end like any other, for whoever is told of it
            self.count({}, count_end(self.key))
            written = changed(ERASE, {"id": self.key, "parameters": "{}", "no_warnings": "[]"})
            if not written:
                return
            self.state = written[0][0]
            self.delete_inputs()
            SavedFile.objects.filter(job=self).delete()
            Revision.objects.filter(job=self).delete()
            self.sweep_saved()
            transaction.on_commit(lambda: wakeups.announce(str(self.pk)))
        self.log("erased")

    # -- what people correct
    @property
    def corrections(self) -> Corrections | None:
        """How its result may be corrected; None where it cannot be."""
        return self.asked.corrections if self.asked else None

    def history(self) -> list[Revision]:
        """The revisions up to the one that this row was read at: a later one may have been written since."""
        found = self.revisions.filter(number__lte=self.revision) if self.revision else self.revisions.none()
        return list(found.select_related("author"))

    def corrected(self, history: Sequence[Revision]) -> dict[str, Any]:
        """The result of a job that has succeeded, with all corrections that count."""
        own: Any = self.result
        patches, how = standing(history), self.corrections
        result: dict[str, Any] = own
        if patches and how:
            result = reduce(import_string(how.apply), patches, own)
            result = import_string(how.follow)(result) if how.follow else result
        return result

    def correct(self, patch: dict[str, Any] | None, author_id: int) -> None:
        """Write the next revision of the result as it was read here; None takes the last patch back.

        Raises Refused: `stale_revision` if somebody else was first, `gone` if the job was erased meanwhile.
        """
        with transaction.atomic():
            mine = Job.objects.filter(pk=self.pk, revision=self.revision, state=State.SUCCEEDED, erased_at=None)
            if not mine.update(revision=self.revision + 1):
                erased = Job.objects.filter(pk=self.pk, erased_at__isnull=False).exists()
                raise Refused(Code.GONE if erased else Code.STALE_REVISION)
            Revision.objects.create(job=self, number=self.revision + 1, patch=patch, author_id=author_id)
        self.revision += 1

    # -- what follows
    def on_let_go(self, keep_inputs: bool) -> None:
        """What follows a state written a moment ago in this transaction."""
        if not self.ended:
            transaction.on_commit(lambda: wakeups.wake(self.kind))
            return
        if not keep_inputs:
            self.forget_inputs()
        if self.attempts > (1 if self.state == State.SUCCEEDED and not self.checkpoint_file else 0):
            self.sweep_saved()
        if self.endpoint_id:
            Delivery.objects.tell(self)
        transaction.on_commit(lambda: wakeups.announce(str(self.pk)))

    def sweep_saved(self) -> None:
        """Delete the saved files of which no row speaks, after the commit: what attempts under other leases left behind.

        They are listed now: a process that is frozen before it deletes must not take those of a later attempt.
        """
        kept = frozenset(SavedFile.objects.filter(job=self).values_list("file", flat=True))
        left = list(stored_below(saved_folder(self.pk), kept))
        transaction.on_commit(lambda: delete_files(left))

    def forget_inputs(self) -> None:
        """Mark the inputs deleted, and delete their files after the commit."""
        names = [name for (name,) in rows(FORGET_INPUTS, {"id": self.key})]
        transaction.on_commit(lambda: delete_files(names))

    def delete_inputs(self) -> None:
        """The rows too: nothing is left to say what they were."""
        names = [name for (name,) in rows(DELETE_INPUTS, {"id": self.key})]
        transaction.on_commit(lambda: delete_files(names))

    def keep_inputs_no_more(self) -> None:
        """The inputs of an ended job have been kept for long enough. A retry in the same moment wins or loses as a whole."""
        with transaction.atomic():
            if changed(KEEP_INPUTS_NO_MORE, {"id": self.key}):
                self.forget_inputs()

    # -- what is told of it
    def count(self, events: Mapping[Event, int], end: Mapping[Key, float] | None = None) -> None:
        """Add what happened to this job to the counters, in the transaction in which it did; `end` is of an earlier end."""
        happened = {event.of(kind=self.kind, operation=self.operation): float(times) for event, times in events.items() if times}
        Counter.objects.add({**happened, **(end or {})})

    def note_refused(self, wanted: str) -> None:
        """A write under a lost lease. A repeated commit whose answer was lost is none: the row has its lease."""
        self.log("refused", logging.WARNING, wanted=wanted, cause="the lease is lost")
        if not Job.objects.filter(pk=self.pk, lease=self.lease).exists():
            self.count({LATE_WRITES: 1})

    def log(self, event: str, level: int = logging.INFO, traceback: bool = False, **facts: Any) -> None:
        """One line for each change of state, and for what was refused; `event` is the new state."""
        extra = {"job": str(self.pk), "kind": self.kind, "attempt": self.attempts}
        extra |= {"worker": self.worker, "life": self.life, "pid": self.pid} if self.life else {}
        extra |= {name: value for name, value in facts.items() if value != ""}
        logger.log(level, str(event), extra=extra, exc_info=traceback)

    def queue_position(self) -> int | None:
        """How many jobs of this kind are served before it, plus one; None unless queued. Never counts past the cap."""
        if self.state != State.QUEUED:
            return None
        created_at = Job._meta.get_field("created_at").get_db_prep_value(self.created_at, connection)
        values = {"kind": self.kind, "priority": self.priority, "turn": self.turn, "created_at": created_at, "cap": POSITION_CAP + 1}
        [(ahead,)] = changed(AHEAD, values)
        return min(int(ahead), POSITION_CAP + 1) + 1
