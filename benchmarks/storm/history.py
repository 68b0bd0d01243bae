"""What happened to each job, as the database's own triggers wrote it down; and what each kill met. Pure functions."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

ENDED = frozenset({"succeeded", "failed", "canceled", "expired"})
FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Change:
    """A write to the state of a job's row; `old` is "" where the row was made. `program` and `pid`: who ran it, after the write."""

    job: str
    old: str
    new: str
    program: str
    pid: int
    at: float  # seconds since 1970, by the database


@dataclass(frozen=True, slots=True)
class Run:
    """A job's stay in `running`: from its claim to the next write; `then` is the state that followed, "" if none did."""

    job: str
    program: str
    pid: int
    begun: float
    over: float
    then: str


@dataclass
class Kill:
    """A SIGKILL that was sent. `pids`: the processes that it ends; `child`: the one of them that runs jobs; `back_at`: when the storm saw
    the victim answer again (web, redis) or started again (housekeeping)."""

    victim: str
    program: str
    at: float
    pids: list[int]
    child: int = 0
    aimed: bool = False
    part: str = ""
    back_at: float | None = None


@dataclass
class Met:
    """What became of a kill. `recovery` in seconds, None if work did not go on; `hit` is the job that its child ran at that moment."""

    kill: Kill
    recovery: float | None = None
    hit: str = ""
    then: str = ""  # the state that the hit job came to next
    hit_ended: float | None = None  # seconds from the kill to its end


@dataclass
class History:
    """All changes, in the order in which the database wrote them."""

    changes: Sequence[Change]
    by_job: dict[str, list[Change]] = field(default_factory=dict)
    claims: list[Change] = field(default_factory=list)
    runs: dict[int, list[Run]] = field(default_factory=dict)  # by pid

    def __post_init__(self) -> None:
        for change in self.changes:
            self.by_job.setdefault(change.job, []).append(change)
        self.claims = sorted((change for change in self.changes if change.new == "running"), key=moment)
        for run in runs_of(self.by_job):
            self.runs.setdefault(run.pid, []).append(run)

    def born(self, job: str) -> float:
        return self.by_job[job][0].at

    def ended_at(self, job: str) -> float | None:
        ends = [change.at for change in self.by_job.get(job, []) if change.new in ENDED]
        return ends[0] if ends else None

    def claims_after(self, at: float) -> Iterable[Change]:
        return self.claims[bisect.bisect_right(self.claims, at, key=moment) :]

    def run_at(self, pid: int, at: float) -> Run | None:
        """What this process ran at this moment."""
        return next((run for run in self.runs.get(pid, []) if run.begun <= at < run.over), None)


def moment(change: Change) -> float:
    return change.at


def runs_of(by_job: Mapping[str, Sequence[Change]]) -> Iterable[Run]:
    for job, changes in by_job.items():
        for change, following in pairwise(changes):
            if change.new == "running":
                yield Run(job, change.program, change.pid, change.at, following.at, following.new)
        if changes[-1].new == "running":
            yield Run(job, changes[-1].program, changes[-1].pid, changes[-1].at, FOREVER, "")


def met(kill: Kill, history: History) -> Met:
    found = Met(kill, recovery=recovery(kill, history))
    run = history.run_at(kill.child, kill.at) if kill.child else None
    if run:
        ended = history.ended_at(run.job)
        found.hit, found.then, found.hit_ended = run.job, run.then, None if ended is None else ended - kill.at
    return found


def recovery(kill: Kill, history: History) -> float | None:
    """Seconds from a kill until work of its kind goes on (`report.DEFINITIONS`)."""
    match kill.victim:
        case "child" | "parent":
            again = (change for change in history.claims_after(kill.at) if change.program == kill.program and change.pid not in kill.pids)
        case "redis" if kill.back_at:
            back = kill.back_at
            again = (change for change in history.claims_after(back) if history.born(change.job) > back)
        case _:
            return None if kill.back_at is None else kill.back_at - kill.at
    first = next(again, None)
    return None if first is None else first.at - kill.at
