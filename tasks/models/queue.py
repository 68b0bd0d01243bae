"""The queue that the job table is: submitting to it, claiming from it, finding jobs in it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, connection, models, transaction

from tasks import wakeups
from tasks.clock import DatabaseNow
from tasks.errors import Refused
from tasks.kinds import Kind
from tasks.models import fingerprints
from tasks.models.columns import Columns
from tasks.models.files import Input, delete_files
from tasks.models.idempotency import IdempotencyKey
from tasks.models.quarantine import Quarantine
from tasks.models.states import ENDED, Claimant, Priority, State
from tasks.models.webhooks import WebhookEndpoint
from tasks.transitions import OF_OWNER, RUNNING, TURN, WAITING, claim_statement, commit_unsynced, rows
from tasks.uploads import Upload

if TYPE_CHECKING:
    from tasks.models.jobs import Job

CLAIMED: Columns[Job] = Columns(  # what a worker needs
    "tasks.Job",
    ("id", "owner_id", "kind", "operation", "parameters", "model_version", "state", "attempts", "crashes", "losses")
    + ("fresh_child", "lease", "worker", "life", "pid", "progress_step", "deadline_seconds", "cancel_requested", "stopping")
    + ("keep_input", "checkpoint_step", "checkpoint_file", "resumed_step", "endpoint_id"),
)
WHOLE: Columns[Job] = Columns("tasks.Job")
INPUT: Columns[Input] = Columns("tasks.Input")


class JobQuerySet(models.QuerySet["Job"]):
    def submit(
        self,
        *,
        owner_id: int,
        kind: Kind,
        operation: str,
        parameters: dict[str, Any],
        uploads: Mapping[str, Upload],
        units: float,
        priority: Priority = Priority.INTERACTIVE,
        expires_in: float | None = None,
        keep_input: bool = True,
        api_key: int | None = None,
        idempotency: IdempotencyKey | None = None,
        callback_url: str = "",
        along: Callable[[Job], None] | None = None,
    ) -> Job:
        """Store the inputs, commit a queued row, and make sure that a worker will look; `expires_in`: the seconds in which it must start;
        `callback_url`: a checked address that is told of its end; `along` writes what belongs to the job in the same transaction.

        Files come first, then all rows in one transaction: whatever dies between leaves at most a file that has no row.
        Raises Refused(`input_quarantined`, `too_many_webhooks`, or what `along` refuses), OSError if the storage fails.
        """
        facts = kind.operations[operation]
        Quarantine.objects.admit(owner_id, fingerprints.of_input(kind, operation, parameters, uploads))
        if callback_url:
            WebhookEndpoint.objects.admit(owner_id, callback_url)
        job = self.model(
            owner_id=owner_id,
            api_key=api_key,
            kind=kind.name,
            operation=operation,
            parameters=parameters,
            units=units,
            deadline_seconds=facts.deadline_seconds + facts.deadline_seconds_per_unit * units,
            model_version=kind.model_version,
            priority=priority,
            keep_input=keep_input,
        )
        inputs = Input.objects.receive(owner_id, uploads)
        try:
            self.insert(job, inputs, expires_in, idempotency, callback_url, along)
        except (IntegrityError, Refused) as refused:
            delete_files(stored.file for stored in inputs)
            if isinstance(refused, IntegrityError) and idempotency and (twin := IdempotencyKey.objects.job_of(idempotency)):
                return twin  # the same request came twice at once, and the other was first
            raise
        job.log(State.QUEUED)
        return job

    def insert(
        self,
        job: Job,
        inputs: list[Input],
        expires_in: float | None = None,
        idempotency: IdempotencyKey | None = None,
        callback_url: str = "",
        along: Callable[[Job], None] | None = None,
    ) -> None:
        """The job with its inputs, its key and its endpoint, in one transaction; then the wake-up. Raises IntegrityError for a key that is
        taken, and what `along` raises."""
        job.turn = self.next_turn(job)
        with transaction.atomic():
            if callback_url:
                job.endpoint, _ = WebhookEndpoint.objects.of(job.owner_id, callback_url)
            WHOLE.insert(job)
            if expires_in is not None:
                job.expires_at = job.created_at + timedelta(seconds=expires_in)
                job.save(update_fields=["expires_at"])
            for stored in inputs:
                stored.job = job
                INPUT.insert(stored)
            if idempotency:
                idempotency.job = job
                idempotency.save(force_insert=True)
            if along:
                along(job)
            transaction.on_commit(lambda: wakeups.wake(job.kind))

    def next_turn(self, job: Job) -> int:
        """1 + the owner's last turn in this queue, never below the turn that is served there now (the lowest that waits)."""
        [(served, own)] = rows(TURN, {"kind": job.kind, "priority": job.priority, "owner": job.owner_id})
        return served or 0 if own is None else max(served, own + 1)

    def claim(self, kind: str, claimant: Claimant, *, with_end: bool = False) -> Job | None:
        """Take the next queued job of this kind in one statement; None if there is none. `with_end`: in the transaction of another's end,
        for which the disk is waited for."""
        values = {
            "kind": kind,
            "lease": secrets.token_hex(16),
            "worker": claimant.worker,
            "life": claimant.life,
            "pid": claimant.pid,
            "fresh": claimant.fresh,
        }
        with commit_unsynced():
            claimed = rows(claim_statement(connection.vendor, str(CLAIMED), synced=with_end), values)
        if not claimed:
            return None
        job = CLAIMED.instance(claimed[0])
        job.claimed_inputs = json.loads(claimed[0][len(CLAIMED.names)] or "{}")
        return job

    def of_owner(self, owner_id: int, pk: UUID) -> Job | None:
        """One job for who may see it. It runs with each poll and twice with each wait, so this is a statement of our own."""
        key = self.model._meta.pk.get_db_prep_value(pk, connection)
        found = rows(OF_OWNER.format(columns=WHOLE), {"id": key, "owner": owner_id})
        return WHOLE.instance(found[0]) if found else None

    def waiting(self, kind: str) -> bool:
        return bool(rows(WAITING, {"kind": kind}))

    def run_by(self, life: str) -> list[Job]:
        """What a worker runs. Its parent asks twice a second, so this is a statement of our own."""
        return [CLAIMED.instance(row) for row in rows(RUNNING.format(columns=CLAIMED), {"life": life})]

    def ended_among(self, ids: Iterable[str]) -> list[str]:
        return [str(pk) for pk in self.filter(pk__in=list(ids), state__in=ENDED).values_list("pk", flat=True)]

    # -- what housekeeping looks for
    def overdue_to_start(self) -> JobQuerySet:
        return self.filter(state=State.QUEUED, expires_at__lte=DatabaseNow())

    def ended_before(self, seconds: float) -> JobQuerySet:
        """Ended longer than so many seconds ago."""
        return self.filter(finished_at__lt=DatabaseNow() - timedelta(seconds=seconds))
