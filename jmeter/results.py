"""What JMeter wrote: one line a sample (JTL, as CSV), and what the jobs behind them are."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jmeter.plans import TOTAL, UNKNOWN

ENDED = {"succeeded", "failed", "canceled", "expired"}


@dataclass(frozen=True)
class Sample:
    """`at` in seconds since 1970, when it began; the job's own times are None where the answer did not tell them."""

    at: float
    milliseconds: int
    label: str
    status: str
    message: str
    ok: bool
    user: str
    job: str
    state: str
    queued_ms: int | None
    run_ms: int | None

    @property
    def end(self) -> float:
        return self.at + self.milliseconds / 1000

    @property
    def whole_job(self) -> bool:
        return self.label.endswith(f": {TOTAL}")

    @property
    def submit(self) -> bool:
        return self.label.endswith(": submit")

    @property
    def operation(self) -> str:
        return self.label.partition(":")[0]


def read(file: Path) -> list[Sample]:
    """In the order in which they ended. A line that was cut in the middle is left out."""
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as lines:
        return list(parsed(csv.DictReader(lines)))


def parsed(rows: Iterable[dict[str, str | None]]) -> Iterator[Sample]:
    for row in rows:
        if row.get("run_ms") is None:
            continue
        told = {name: value or "" for name, value in row.items()}
        yield Sample(
            at=int(told["timeStamp"]) / 1000,
            milliseconds=int(told["elapsed"]),
            label=told["label"],
            status=told["responseCode"],
            message=told["failureMessage"] or told["responseMessage"],
            ok=told["success"] == "true",
            user=told["threadName"],
            job=known(told["job"]),
            state=known(told["state"]),
            queued_ms=number(told["queued_ms"]),
            run_ms=number(told["run_ms"]),
        )


def known(text: str) -> str:
    """A variable's value; "null" is how JMeter writes one that was never set."""
    return "" if text in (UNKNOWN, "null") else text


def number(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)] if ordered else 0.0


@dataclass(frozen=True)
class Account:
    """Jobs that the service accepted against jobs whose end a client saw."""

    submitted: frozenset[str]
    ended: frozenset[str]

    @property
    def unseen(self) -> frozenset[str]:
        return self.submitted - self.ended


def account(samples: Iterable[Sample]) -> Account:
    submitted, ended = set[str](), set[str]()
    for sample in samples:
        if sample.submit and sample.job and sample.status in ("200", "202"):
            submitted.add(sample.job)
        if sample.job and sample.state in ENDED:
            ended.add(sample.job)
    return Account(frozenset(submitted), frozenset(ended))
