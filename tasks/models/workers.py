"""What workers say of themselves, and what that makes of their kinds."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models

from tasks.clock import DatabaseNow
from tasks.kinds import kinds
from tasks.models.jobs import Job
from tasks.models.states import State


class WorkerState(models.TextChoices):
    LOADING = "loading"
    READY = "ready"
    DOWN = "down"
    STOPPING = "stopping"  # it was asked to end: what it still runs then is nobody's fault


KIND_STATES = ("loading", "ready", "busy", "down")


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> WorkerQuerySet:
        return self.filter(seen_at__gt=DatabaseNow() - timedelta(seconds=settings.WORKER_DEAD_AFTER_SECONDS))


class Worker(models.Model):
    """What a worker says of itself: its parent beats, its child says when the model is loaded. A name comes back, a life never does."""

    life = models.CharField(primary_key=True, max_length=32)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=40)
    pid = models.IntegerField()
    state = models.CharField(max_length=10, choices=WorkerState.choices, default=WorkerState.LOADING)
    detail = models.CharField(max_length=300, default="", blank=True)
    memory_bytes = models.BigIntegerField(default=0)  # resident in its child at the last beat
    started_at = models.DateTimeField(db_default=DatabaseNow())
    seen_at = models.DateTimeField(db_default=DatabaseNow())

    objects: ClassVar = WorkerQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} {self.life} {self.state}"


def kind_states() -> dict[str, str]:
    """`loading`, `ready`, `busy` or `down` for each kind, from the workers that have beaten lately."""
    seen: dict[str, set[str]] = {name: set() for name in kinds()}
    busy = set(Job.objects.filter(state=State.RUNNING).values_list("kind", flat=True).distinct())
    for kind, state in Worker.objects.alive().values_list("kind", "state"):
        seen.setdefault(kind, set()).add(state)
    return {kind: _kind_state(states, kind in busy) for kind, states in seen.items()}


def _kind_state(states: set[str], busy: bool) -> str:
    if WorkerState.READY in states:
        return "busy" if busy else "ready"
    return "loading" if WorkerState.LOADING in states else "down"
