"""What must go on without workers: what died without a word is mended here. Several copies at once are safe; each step is conditional."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.db import close_old_connections
from django.db.models import Q

from tasks import retention, wakeups
from tasks.clock import DatabaseNow
from tasks.models import Job, State, Worker, WorkerState

logger = logging.getLogger(__name__)


class Housekeeping:
    """A verdict needs two ticks without a gap by this process's own clock: a machine that slept, or a clock that jumped, is no verdict."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.last_tick = -1e9
        self.last_sweep = -1e9
        self.suspected: set[tuple[str, str]] = set()

    def tick(self) -> None:
        close_old_connections()
        steps = [self.release_lost, self.expire_overdue, self.wake_kinds]
        if self.clock() - self.last_sweep >= settings.RETENTION_SECONDS:
            self.last_sweep = self.clock()
            steps += retention.STEPS
        for step in steps:
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
            asked = Worker.objects.filter(life=job.life, state=WorkerState.STOPPING).exists()
            job.lost("a worker that was not seen any more", asked_to_end=asked)
        except Exception:
            logger.exception("job %s could not be released", job.pk)

    def lost_jobs(self) -> list[Job]:
        alive = Worker.objects.alive().values("life")
        lost = Q(lease_until__lt=DatabaseNow()) | ~Q(life__in=alive)
        return list(Job.objects.filter(lost, state=State.RUNNING))

    def expire_overdue(self) -> None:
        for job in Job.objects.overdue_to_start()[: retention.BATCH]:
            job.expire()

    def wake_kinds(self) -> None:
        for kind in Job.objects.filter(state=State.QUEUED).values_list("kind", flat=True).distinct():
            wakeups.wake(kind)
