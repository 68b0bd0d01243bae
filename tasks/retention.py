"""What has been kept for long enough: inputs, results, tombstones, and what was left lying. Each step takes a batch at a time."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from pathlib import Path

from django.conf import settings
from django.db.models import Min, Q

from tasks.clock import DatabaseNow
from tasks.errors import RETRYABLE
from tasks.kinds import kinds
from tasks.models import IdempotencyKey, Input, Job, Quarantine, State, Worker, delete_files
from tasks.models.files import INPUTS_FOLDER

BATCH = 500
DAY_SECONDS = 86_400
FORGET_WORKERS_AFTER = timedelta(days=7)


def kinds_of_ended_jobs() -> list[str]:
    """The kinds of ended jobs, installed or not: one step of the index each, however many rows there are."""
    ended = Job.objects.filter(erased_at=None, finished_at__isnull=False)
    found: list[str] = []
    while name := ended.filter(kind__gt=found[-1] if found else "").aggregate(first=Min("kind"))["first"]:
        found.append(name)
    return found


def forget_inputs() -> None:
    """By each kind's rule; those of a job that may be retried for a day at least. A kind that is gone has no rule: its inputs go."""
    for name in kinds_of_ended_jobs():
        seconds = kinds()[name].keep_inputs_seconds if name in kinds() else 0
        kept = Job.objects.filter(kind=name, inputs_kept=True, finished_at__isnull=False).ended_before(seconds)
        retryable = Q(state=State.FAILED, error__code__in=RETRYABLE)
        if seconds < settings.RETRY_KEEP_SECONDS:
            kept = kept.exclude(retryable) | kept.filter(retryable).ended_before(settings.RETRY_KEEP_SECONDS)
        for job in kept[:BATCH]:
            job.keep_inputs_no_more()


def erase_old_jobs() -> None:
    for name in kinds_of_ended_jobs():
        ended = Job.objects.filter(kind=name, erased_at=None, finished_at__isnull=False)
        for job in ended.ended_before(settings.KEEP_RESULTS_DAYS * DAY_SECONDS)[:BATCH]:
            job.erase()


def forget_tombstones() -> None:
    old = DatabaseNow() - timedelta(days=settings.KEEP_TOMBSTONES_DAYS)
    ended = Job.objects.filter(erased_at__lt=old, finished_at__isnull=False, counted=True)[:BATCH]
    Job.objects.filter(pk__in=list(ended.values_list("pk", flat=True))).delete()


def forget_quarantine() -> None:
    Quarantine.objects.filter(until__lte=DatabaseNow()).delete()


def forget_idempotency_keys() -> None:
    IdempotencyKey.objects.all().expired().delete()


def forget_workers() -> None:
    """A worker that ends in order, or whose name comes back, leaves no row; this is for those that never did."""
    Worker.objects.filter(seen_at__lt=DatabaseNow() - FORGET_WORKERS_AFTER).delete()


def forget_sessions() -> None:
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


def sweep_orphans() -> None:
    """Inputs that never became part of a job, and what a web process that was killed left of the uploads it was receiving."""
    for orphan in Input.objects.orphans()[:BATCH]:
        delete_files([orphan.file])
        orphan.delete()
    old = time.time() - settings.RECEIVING_SECONDS
    for path in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        with suppress(FileNotFoundError):  # another housekeeping was faster
            if path.is_file() and path.stat().st_mtime < old:
                path.unlink()


def sweep_strays() -> None:
    """Inputs that a process which died between a commit and the deletion of its files left lying: one of the 256 folders at a time.

    A row comes before its file, so a file without one is never young.
    """
    folder = f"{INPUTS_FOLDER}/{int(time.time() / settings.RETENTION_SECONDS) % 256:02x}"
    delete_files(Input.objects.all().strays(folder))


STEPS = [
    forget_inputs,
    erase_old_jobs,
    forget_tombstones,
    forget_quarantine,
    forget_idempotency_keys,
    forget_workers,
    forget_sessions,
    sweep_orphans,
    sweep_strays,
]
