"""What a run must hold; the exit code rests on these alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from jmeter.results import Account, Sample, percentile
from jmeter.watch import CLIENTS, Look


@dataclass(frozen=True)
class Objective:
    """`measured` must not exceed `limit`."""

    name: str
    measured: float
    limit: float

    @property
    def holds(self) -> bool:
        return self.measured <= self.limit

    def document(self) -> dict[str, object]:
        return {**asdict(self), "holds": self.holds}


@dataclass(frozen=True)
class Limits:
    """None: it is reported, and nothing is required. `growth` in MB an hour, of the process that grew most."""

    failed_percent: float = 0.0
    result_p95_ms: float | None = None
    submit_p95_ms: float | None = None
    cpu_percent: float | None = None
    memory_percent: float | None = None
    growth: float | None = None


@dataclass(frozen=True)
class Observed:
    """A run. `never_ended`: jobs that had not ended when the service was asked after it. `growth` in MB an hour by process."""

    samples: Sequence[Sample]
    looks: Sequence[Look]
    jobs: Account
    never_ended: int
    exit_code: int
    growth: Mapping[str, float]


def judge(limits: Limits, run: Observed) -> list[Objective]:
    failed = average([100.0 * (not sample.ok) for sample in run.samples]) if run.samples else 100.0
    held = [
        Objective("JMeter's exit code", abs(run.exit_code), 0),
        Objective("failed samples, % (no sample at all: 100)", failed, limits.failed_percent),
        Objective("jobs submitted whose end no client saw", len(run.jobs.unseen), 0),
        Objective("jobs submitted that never ended", run.never_ended, 0),
        Objective("processes that died", sum(len(look.died) for look in run.looks), 0),
        Objective("crashes and losses charged to jobs", max((look.crashes + look.losses for look in run.looks), default=0), 0),
    ]
    return held + [Objective(name, value, limit) for name, (value, limit) in wanted(limits, run).items() if limit is not None]


def wanted(limits: Limits, run: Observed) -> dict[str, tuple[float, float | None]]:
    """What is required only if somebody says how much."""
    grown = [growth for name, growth in run.growth.items() if name not in CLIENTS]
    return {
        "time to result p95, ms": (percentile([one.milliseconds for one in run.samples if one.whole_job], 0.95), limits.result_p95_ms),
        "submit p95, ms": (percentile([one.milliseconds for one in run.samples if one.submit], 0.95), limits.submit_p95_ms),
        "machine's CPU on average, %": (average([look.machine_cpu_percent for look in run.looks]), limits.cpu_percent),
        "machine's memory at most, %": (max((look.machine_memory_percent for look in run.looks), default=0.0), limits.memory_percent),
        "growth of a process of the service, MB an hour": (max(grown, default=0.0), limits.growth),
    }


def average(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
