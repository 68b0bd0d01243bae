"""What must go on without workers: what died without a word is mended here. Several copies at once are safe; each step is conditional."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.db import close_old_connections

from tasks import wakeups
from tasks.clock import Sightings
from tasks.kinds import kinds
from tasks.models import Counter, Job, State, Worker, WorkerState
from tasks.retention import Sweep
from tasks.transitions import AWAY

logger = logging.getLogger(__name__)
GAP_TICKS = 5
MOST_EXPIRED = 500
COUNTED_BATCH = 500
COUNTED_BATCHES = 10  # in a tick: what waits longer is in what is read of the counters all the same


class Housekeeping:
    """Ages are measured by this process's own monotonic clock, from the tick that first saw a lease or a beat: a database's clock that
    jumps convicts nobody.

    After a gap between two ticks (a machine that slept), and after a database that was away or locked (workers could not beat either),
    the looks begin anew.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.last_tick = -1e9
        self.retention = Sweep()
        self.leases, self.beats = Sightings(), Sightings()

    def tick(self) -> None:
        close_old_connections()
        before, self.last_tick = self.last_tick, self.clock()
        if self.last_tick - before > GAP_TICKS * settings.HOUSEKEEPING_TICK_SECONDS:
            self.begin_anew()
        for step in (self.release_lost, self.expire_overdue, self.wake_kinds, self.count_ends, self.sweep):
            try:
                step()
            except AWAY:
                logger.warning("housekeeping: no database for %s, it is tried again", step.__name__, exc_info=True)
                self.begin_anew()
            except Exception:
                logger.exception("housekeeping: %s failed, it is tried again", step.__name__)

    def sweep(self) -> None:
        self.retention(self.last_tick)

    def release_lost(self) -> None:
        """Jobs whose lease has run out, or whose worker has not beaten for too long."""
        for job in self.lost_jobs():
            self.release(job)

    def release(self, job: Job) -> None:
        """One row that cannot be released, such as that of a kind which is no longer installed, does not stop the others."""
        try:
            asked = Worker.objects.filter(life=job.life, state=WorkerState.STOPPING).exists()
            job.lost("a worker that was not seen any more", asked_to_end=asked)
        except Exception:
            logger.exception("job %s could not be released", job.pk)

    def lost_jobs(self) -> list[Job]:
        now = self.clock()
        running = list(Job.objects.filter(state=State.RUNNING))
        seen = dict(Worker.objects.values_list("life", "seen_at"))
        beats = {job.life: f"{job.life} {seen.get(job.life)}" for job in running}  # another beat, another sighting
        leases = self.leases.ages([job.lease or "" for job in running], now)
        silent = self.beats.ages(beats.values(), now)

        def lost(job: Job) -> bool:
            overdue = leases[job.lease or ""] > job.deadline_seconds + settings.LEASE_MARGIN_SECONDS
            return overdue or silent[beats[job.life]] > settings.WORKER_DEAD_AFTER_SECONDS

        return [job for job in running if lost(job)]

    def begin_anew(self) -> None:
        self.leases, self.beats = Sightings(), Sightings()

    def expire_overdue(self) -> None:
        for job in Job.objects.overdue_to_start()[:MOST_EXPIRED]:
            job.expire()

    def wake_kinds(self) -> None:
        for kind in kinds():  # a look at the index for each, however long a queue is
            if Job.objects.waiting(kind):
                wakeups.wake(kind)

    def count_ends(self) -> None:
        for _ in range(COUNTED_BATCHES):
            if Counter.objects.count_ends(COUNTED_BATCH) < COUNTED_BATCH:
                return
