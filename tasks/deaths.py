"""Who is to blame when a process died while it ran a job (ENGINE.md, "Deaths")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

from tasks.errors import Code
from tasks.languages import sentence

if TYPE_CHECKING:
    from tasks.models import Job

MEMORY_LIMIT = "the memory limit"
OUT_OF_MEMORY = "SIGKILL, out of memory"
CRASH_CAUSES = frozenset({"SIGABRT", "SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP", "SIGSYS", MEMORY_LIMIT, OUT_OF_MEMORY})


@dataclass(frozen=True)
class Death:
    """`signal` is the name that killed the child (`SIGABRT`), an exit code, or "" where nobody saw; `reason` a sentence for the log."""

    signal: str
    reason: str = ""


@dataclass(frozen=True)
class Blame:
    """What a death adds to the job's counters, and the code it ends with, if it does."""

    crashes: int = 0
    losses: int = 0
    code: Code | None = None
    detail: str = ""


def verdict(job: Job, death: Death) -> Blame:
    """A crash is what an input can do by itself; everything else is a loss.

    Heap damage aborts late: a death in a child that had finished another job raises `crashes` to one below the limit at most, so that the
    last one happens in a fresh child. What such a death cannot add as a crash is a loss: batch work may never meet a fresh child.
    """
    crash = _crash(job, death.signal) if death.signal in CRASH_CAUSES else None
    if crash and crash.crashes:
        return crash
    if job.losses + 1 >= settings.MAX_LOSSES:
        said = sentence("The worker was lost %(times)s times while it ran this job.", times=job.losses + 1)
        return Blame(losses=1, code=Code.WORKER_LOST, detail=said)
    return Blame(losses=1)


def _crash(job: Job, signal: str) -> Blame:
    ceiling = settings.MAX_CRASHES if job.fresh_child else settings.MAX_CRASHES - 1
    crashes = min(job.crashes + 1, ceiling)
    if crashes < settings.MAX_CRASHES:
        return Blame(crashes=max(crashes - job.crashes, 0))
    said = sentence("The model's process died of %(cause)s on this input %(times)s times.", cause=signal, times=crashes)
    return Blame(crashes=1, code=Code.WORKER_CRASHED, detail=said)
