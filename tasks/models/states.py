"""The words of a job's life."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models


class State(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


UNUSUAL_ENDS = (State.FAILED, State.CANCELED, State.EXPIRED)
ENDED = (State.SUCCEEDED, State.FAILED, State.CANCELED, State.EXPIRED)


class Stopping(models.TextChoices):
    """Why a parent took the lease of a running job away before it killed its process."""

    TIMEOUT = "timeout"
    CANCELED = "canceled"
    MEMORY = "memory"


class Priority(models.IntegerChoices):
    """Batch work is served only while no interactive work of its kind waits."""

    INTERACTIVE = 0
    BATCH = 10


@dataclass(frozen=True)
class Claimant:
    """Who claims: a worker's name, its life, the pid of the child, and whether that child has finished no job yet."""

    worker: str
    life: str
    pid: int
    fresh: bool
