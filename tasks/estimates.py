"""When a job will have ended: a range, from what the last jobs of its kind took and the workers that live now."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field

from django.db.models import F
from django.utils import timezone

from tasks.models import Job, State, Worker, WorkerState

SAMPLES = 100
FEWEST_SAMPLES = 5
KEPT_SECONDS = 5.0
LOW, HIGH = 0.25, 0.9  # quantiles of what a job takes


@dataclass(frozen=True)
class Pace:
    """Seconds that a unit of work takes for each operation, low and high; those of a whole job of the kind; and its living workers."""

    per_unit: dict[str, tuple[float, float]] = field(default_factory=dict)
    per_job: tuple[float, float] | None = None
    workers: int = 0


def pace_of(kind: str) -> Pace:
    """From the last jobs that succeeded."""
    found = Job.objects.filter(kind=kind, finished_at__isnull=False, erased_at=None, state=State.SUCCEEDED).order_by("-finished_at")
    by_operation: dict[str, list[float]] = defaultdict(list)
    whole: list[float] = []
    for operation, units, taken in found.values_list("operation", "units", F("finished_at") - F("started_at"))[:SAMPLES]:
        seconds = taken.total_seconds()
        whole.append(seconds)
        by_operation[operation].append(seconds / max(units, 1e-9))
    workers = Worker.objects.alive().filter(kind=kind, state=WorkerState.READY).count()
    per_unit = {operation: span for operation, taken in by_operation.items() if (span := range_of(taken))}
    return Pace(per_unit, range_of(whole), workers)


def range_of(seconds: list[float]) -> tuple[float, float] | None:
    if len(seconds) < FEWEST_SAMPLES:
        return None
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return cuts[round(LOW * 100) - 1], cuts[round(HIGH * 100) - 1]


class Paces:
    """Looked at again after a few seconds: an estimate must cost nothing."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[float, Pace]] = {}

    def of(self, kind: str) -> Pace:
        looked_at, pace = self.seen.get(kind, (-1e9, Pace()))
        if time.monotonic() - looked_at > KEPT_SECONDS:
            pace = pace_of(kind)
            self.seen[kind] = time.monotonic(), pace
        return pace


paces = Paces()


def eta_seconds(job: Job, position: int | None) -> list[float] | None:
    """[at least, probably at most] until its end; None where nobody can know: too few ended lately, or no worker lives."""
    pace = paces.of(job.kind)
    own = pace.per_unit.get(job.operation)
    if job.ended or own is None or pace.per_job is None or not pace.workers:
        return None
    if job.state == State.RUNNING and job.started_at:
        past = (timezone.now() - job.started_at).total_seconds()
        return [round(max(seconds * job.units - past, 0.0), 1) for seconds in own]
    if position is None:
        return None
    before = position / pace.workers  # the one that runs now counts as a whole one
    return [round(before * whole + seconds * job.units, 1) for whole, seconds in zip(pace.per_job, own, strict=True)]
