"""What must go on without workers: what died without a word is mended here. Several copies at once are safe; each step is conditional."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import close_old_connections
from django.db.models import Q

from tasks import wakeups
from tasks.clock import DatabaseNow
from tasks.deaths import Death
from tasks.models import Input, Job, State, Worker, delete_files

logger = logging.getLogger(__name__)
FORGET_WORKERS_AFTER = timedelta(days=7)


class Housekeeping:
    """A verdict needs two ticks without a gap by this process's own clock: a machine that slept, or a clock that jumped, is no verdict."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.last_tick = -1e9
        self.suspected: set[tuple[str, str]] = set()

    def tick(self) -> None:
        close_old_connections()
        for step in (self.release_lost, self.wake_kinds, self.sweep_orphans, self.forget_workers):
            try:
                step()
            except Exception:
                logger.exception("housekeeping: %s failed, it is tried again", step.__name__)
        self.last_tick = self.clock()

    def release_lost(self) -> None:
        """Jobs whose lease has run out or whose worker has not been seen: released on the second look that agrees with the first."""
        steady = self.clock() - self.last_tick < 3 * settings.HOUSEKEEPING_TICK_SECONDS
        lost = {(str(job.pk), job.lease or ""): job for job in self.lost_jobs()}
        for key, job in lost.items():
            if steady and key in self.suspected:
                self.release(job)
        self.suspected = set(lost)

    def release(self, job: Job) -> None:
        """One row that cannot be released, such as that of a kind which is no longer installed, does not stop the others."""
        try:
            job.settle(Death("", reason="a worker that was not seen any more"))
        except Exception:
            logger.exception("housekeeping: job %s could not be released", job.pk)

    def lost_jobs(self) -> list[Job]:
        alive = Worker.objects.alive().values("life")
        lost = Q(lease_until__lt=DatabaseNow()) | ~Q(life__in=alive)
        return list(Job.objects.filter(lost, state=State.RUNNING))

    def wake_kinds(self) -> None:
        for kind in Job.objects.filter(state=State.QUEUED).values_list("kind", flat=True).distinct():
            wakeups.wake(kind)

    def sweep_orphans(self) -> None:
        """Inputs that never became part of a job, and what a web process that was killed left of the uploads it was receiving."""
        for orphan in Input.objects.orphans():
            delete_files([orphan.file])
            orphan.delete()
        old = time.time() - settings.RECEIVING_SECONDS
        for path in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
            if path.stat().st_mtime < old:
                path.unlink(missing_ok=True)

    def forget_workers(self) -> None:
        """A worker that ends in order, or whose name comes back, leaves no row; this is for those that never did."""
        Worker.objects.filter(seen_at__lt=DatabaseNow() - FORGET_WORKERS_AFTER).delete()
