"""What has been kept for long enough: inputs, results, tombstones, and what was left lying.

Each step takes a batch in one transaction, of a size that holds a database's only lock for some milliseconds, and says whether there may
be more. SQLite gives the lock to whoever asks at the right moment: without pauses between the batches a submit could wait for seconds.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Min, Q
from django.utils.module_loading import import_string

from tasks.clock import DatabaseNow
from tasks.errors import RETRYABLE
from tasks.kinds import kinds
from tasks.models import IdempotencyKey, Input, Job, Quarantine, State, Worker, delete_files
from tasks.models.files import INPUTS_FOLDER

BATCH = 20
SHARE_SECONDS = 0.6  # of the two between housekeeping's ticks
PAUSE_SECONDS = 0.06  # after a batch of some 20 ms: others wait for the lock a quarter of the time at most
DAY_SECONDS = 86_400
FORGET_WORKERS_AFTER = timedelta(days=7)


def kinds_of_ended_jobs() -> list[str]:
    """The kinds of ended jobs, installed or not: one step of the index each, however many rows there are."""
    ended = Job.objects.filter(erased_at=None, finished_at__isnull=False)
    found: list[str] = []
    while name := ended.filter(kind__gt=found[-1] if found else "").aggregate(first=Min("kind"))["first"]:
        found.append(name)
    return found


def each(jobs: Iterable[Job], action: Callable[[Job], None]) -> bool:
    """Do it to a batch of these jobs, in one transaction; whether there may be more."""
    batch = list(jobs)
    with transaction.atomic():
        for job in batch:
            action(job)
    return len(batch) == BATCH


def discard_inputs() -> bool:
    """By each kind's rule; those of a job that may be retried for a day at least. A kind that is gone has no rule: its inputs go."""
    more = False
    for name in kinds_of_ended_jobs():
        seconds = kinds()[name].keep_inputs_seconds if name in kinds() else 0
        kept = Job.objects.filter(kind=name, inputs_kept=True, finished_at__isnull=False).ended_before(seconds)
        retryable = Q(state=State.FAILED, error__code__in=RETRYABLE)
        if seconds < settings.RETRY_KEEP_SECONDS:
            kept = kept.exclude(retryable) | kept.filter(retryable).ended_before(settings.RETRY_KEEP_SECONDS)
        more |= each(kept[:BATCH], Job.keep_inputs_no_more)
    return more


def erase_old_jobs() -> bool:
    more = False
    for name in kinds_of_ended_jobs():
        ended = Job.objects.filter(kind=name, erased_at=None, finished_at__isnull=False)
        more |= each(ended.ended_before(settings.KEEP_RESULTS_DAYS * DAY_SECONDS)[:BATCH], Job.erase)
    return more


def forget_tombstones() -> bool:
    old = DatabaseNow() - timedelta(days=settings.KEEP_TOMBSTONES_DAYS)
    found = list(Job.objects.filter(erased_at__lt=old, finished_at__isnull=False, counted=True).values_list("pk", flat=True)[:BATCH])
    Job.objects.filter(pk__in=found).delete()
    return len(found) == BATCH


def forget_quarantine() -> bool:
    Quarantine.objects.filter(until__lte=DatabaseNow()).delete()
    return False


def forget_idempotency_keys() -> bool:
    found = list(IdempotencyKey.objects.all().expired().values_list("pk", flat=True)[: 10 * BATCH])
    IdempotencyKey.objects.filter(pk__in=found).delete()
    return len(found) == 10 * BATCH


def forget_workers() -> bool:
    """A worker that ends in order, or whose name comes back, leaves no row; this is for those that never did."""
    Worker.objects.filter(seen_at__lt=DatabaseNow() - FORGET_WORKERS_AFTER).delete()
    return False


def forget_sessions() -> bool:
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    return False


def sweep_incoming() -> bool:
    """What a web process that was killed left of the uploads it was receiving."""
    old = time.time() - settings.RECEIVING_SECONDS
    for path in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        with suppress(FileNotFoundError):  # another housekeeping was faster
            if path.is_file() and path.stat().st_mtime < old:
                path.unlink()
    return False


def sweep_strays() -> bool:
    """Inputs that a process left lying which died between a file and its row, or between a commit and the deletion of its files: one of
    the 256 folders at a time."""
    folder = f"{INPUTS_FOLDER}/{int(time.time() / settings.RETENTION_SECONDS) % 256:02x}"
    delete_files(Input.objects.all().strays(folder))
    return False


STEPS: list[Callable[[], bool]] = [
    discard_inputs,
    erase_old_jobs,
    forget_tombstones,
    forget_quarantine,
    forget_idempotency_keys,
    forget_workers,
    forget_sessions,
    sweep_incoming,
    sweep_strays,
]


class Sweep:
    """All steps once a minute, and on until nothing is left; a share of each tick, whatever there is to do."""

    def __init__(self) -> None:
        self.began = -1e9
        self.left: deque[Callable[[], bool]] = deque()

    def __call__(self, now: float) -> None:
        if not self.left and now - self.began >= settings.RETENTION_SECONDS:
            self.began = now
            self.left.extend(STEPS)
            self.left.extend(import_string(step) for kind in kinds().values() for step in kind.retention)
        end = time.monotonic() + SHARE_SECONDS
        while self.left and time.monotonic() < end:
            step = self.left.popleft()  # one that fails is tried again in a minute
            if step():
                self.left.append(step)
                time.sleep(PAUSE_SECONDS)
