"""What has happened, counted in the database: right across processes and machines, and after the rows that it happened to are gone.

Ends are taken from the job table by the batch, so that a job that ends pays nothing; a rare event is added where it happens, in its
transaction.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db import models, transaction

from tasks.transitions import COUNT, COUNT_END, COUNT_ENDS, COUNTED, changed, rows

Key = tuple[str, str]  # the name of a row, and its labels as canonical JSON
OF_JOBS = ("kind", "operation")
SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, float("inf"))


@dataclass(frozen=True)
class Event:
    """Something that is counted: its name as Prometheus knows it, without `_total`, and the labels of each of its rows."""

    name: str
    help: str
    labels: tuple[str, ...] = OF_JOBS

    def of(self, **labels: str) -> Key:
        if set(labels) != set(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}, not {tuple(labels)}")
        return self.name, canonical(labels)


@dataclass(frozen=True)
class Duration:
    """Seconds that are counted by size; a row for each bucket (each value in one alone) and one for their sum."""

    name: str
    help: str
    labels: tuple[str, ...] = OF_JOBS
    bounds: tuple[float, ...] = SECONDS

    def of(self, seconds: float, **labels: str) -> dict[Key, float]:
        at_most = self.bounds[bisect_left(self.bounds, seconds)]
        return {(f"{self.name}_bucket", canonical({**labels, "le": str(at_most)})): 1.0, (f"{self.name}_sum", canonical(labels)): seconds}


def canonical(labels: Mapping[str, str]) -> str:
    return json.dumps(labels, sort_keys=True, separators=(",", ":"))


ENDS = Event("fitsize_jobs_ended", "Jobs that ended; a job that was run again after its end ends again.", (*OF_JOBS, "state", "code"))
WAITS = Duration("fitsize_job_wait_seconds", "From the submit, or the retry, to the start of the attempt that ended the job.")
RUNS = Duration("fitsize_job_run_seconds", "What the attempt that ended the job took.")

CRASHES = Event("fitsize_job_crashes", "Deaths of a model's process that its job was charged with.")
LOSSES = Event("fitsize_job_losses", "Attempts that were lost with their process, for no fault of the job.")
RETRIES = Event("fitsize_job_retries", "Failed jobs that were queued again because somebody asked for it.")
LATE_WRITES = Event("fitsize_job_late_writes", "Ends that were refused because their lease was lost.")
CONVICTIONS = Event("fitsize_inputs_quarantined", "Inputs that were convicted of crashing the model's process.")
ATTEMPTS = Event("fitsize_webhook_attempts", "Attempts to deliver a webhook, by what came of them.", ("outcome",))
# What else happens: a line above, its name here, and `Counter.objects.add({EVENT.of(...): 1})` in the transaction in which it does.
EVENTS = (CRASHES, LOSSES, RETRIES, LATE_WRITES, CONVICTIONS, ATTEMPTS)


def counts_of(ends: Iterable[Sequence[Any]]) -> dict[Key, float]:
    """What these ends add, as the statements answer them: kind, operation, state, code, seconds waited and run (None: it never ran)."""
    counts: dict[Key, float] = defaultdict(float)
    for kind, operation, state, code, waited, ran in ends:
        counts[ENDS.of(kind=kind, operation=operation, state=state, code=code)] += 1
        for duration, seconds in ((WAITS, waited), (RUNS, ran)):
            if seconds is not None:
                for key, value in duration.of(max(seconds, 0.0), kind=kind, operation=operation).items():  # a clock may have jumped
                    counts[key] += value
    return counts


def count_end(job: Any) -> dict[Key, float]:
    """What the end of this job adds, if it has one that is not counted yet. From now on it is: the caller adds it in this transaction."""
    return counts_of(changed(COUNT_END, {"id": job}))


class CounterQuerySet(models.QuerySet["Counter"]):
    def add(self, counts: Mapping[Key, float]) -> None:
        """Once in a transaction, or two may wait for each other: the rows are locked in their order, and until it ends."""
        ordered = [value for key in sorted(counts) for value in (*key, counts[key])]
        if ordered:
            values = ", ".join(["(%s, %s, %s)"] * len(counts))
            rows(COUNT.format(values=values), ordered)

    def count_ends(self, most: int) -> int:
        """Count so many of the ends that are not counted yet; how many there were. Whoever does this at the same time takes others."""
        with transaction.atomic():
            ends = changed(COUNT_ENDS, {"batch": most})
            self.add(counts_of(ends))
        return len(ends)

    def totals(self) -> dict[Key, float]:
        """Everything until now, with the ends that nobody has counted yet."""
        totals: dict[Key, float] = defaultdict(float)
        ends = []
        for name, labels, value, *end in changed(COUNTED, {}):
            if name is None:
                ends.append(end)
            else:
                totals[name, labels] = value
        for key, value in counts_of(ends).items():
            totals[key] += value
        return totals


class Counter(models.Model):
    """One number that never falls. A double is exact up to 2**53."""

    name = models.CharField(max_length=80)
    labels = models.CharField(max_length=400)
    value = models.FloatField()

    objects: ClassVar = CounterQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["name", "labels"], name="one_counter_per_name_and_labels")]

    def __str__(self) -> str:
        return f"{self.name}{self.labels} {self.value:g}"
