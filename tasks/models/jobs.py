"""The job: the only truth about what was asked and what became of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from tasks import wakeups
from tasks.deaths import MEMORY_LIMIT, Death, verdict
from tasks.errors import RETRYABLE, Code, Refused, document
from tasks.languages import sentence
from tasks.models import fingerprints
from tasks.models.columns import Columns
from tasks.models.counters import CONVICTIONS, CRASHES, LATE_WRITES, LOSSES, RETRIES, Counter, Event, Key, count_end
from tasks.models.files import SavedFile, delete_files, discard, saved_folder, stored_below
from tasks.models.job_rows import JobRow
from tasks.models.quarantine import Quarantine
from tasks.models.revisions import Revision
from tasks.models.states import ENDED, State, Stopping
from tasks.models.webhooks import Delivery
from tasks.transitions import (
    CANCEL,
    CHECKPOINT,
    DELETE_INPUTS,
    ERASE,
    EXPIRE,
    KEEP_INPUTS_NO_MORE,
    LET_GO,
    PROGRESS,
    RETRY,
    changed,
    commit_unsynced,
    rows,
)

logger = logging.getLogger(__name__)
STRICT = json.JSONEncoder(allow_nan=False, ensure_ascii=False)
SAVED_FILE: Columns[SavedFile] = Columns("tasks.SavedFile")


def strict_json(value: Any) -> str:
    """Raises ValueError for what a client could not be answered: NaN, and half a character (a lone surrogate)."""
    text = STRICT.encode(value)
    text.encode()
    return text


class Job(JobRow):
    """One accepted request, and every way it changes state."""

    class Meta(JobRow.Meta):
        abstract = False

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
        with transaction.atomic(savepoint=False):  # within the caller's, where it has one
            written = changed(LET_GO, values)
            if not written:
                self.note_refused(state)
                return None
            self.state = written[0][0]
            convicted = self.state == State.FAILED and code == Code.WORKER_CRASHED
            if self.state == State.SUCCEEDED and result is not None:
                for saved in files:
                    SAVED_FILE.insert(saved)
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
            self.discard_inputs()
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

    def discard_inputs(self) -> None:
        """Their files, after the commit that says that they are kept no more."""
        names = list(self.input_files().values())
        transaction.on_commit(lambda: discard(names))

    def delete_inputs(self) -> None:
        """The rows too: nothing is left to say what they were."""
        names = [name for (name,) in rows(DELETE_INPUTS, {"id": self.key})]
        transaction.on_commit(lambda: delete_files(names))

    def keep_inputs_no_more(self) -> None:
        """The inputs of an ended job have been kept for long enough. A retry in the same moment wins or loses as a whole."""
        with transaction.atomic():
            if changed(KEEP_INPUTS_NO_MORE, {"id": self.key}):
                self.discard_inputs()

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
