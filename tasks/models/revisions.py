"""What people corrected in a job's result: revisions beside it, never over it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from tasks.clock import DatabaseNow


class Revision(models.Model):
    """One correction. A patch as the kind's serializer took it; None takes the last patch back that still counts."""

    job = models.ForeignKey("tasks.Job", on_delete=models.CASCADE, related_name="revisions", db_index=False)
    number = models.PositiveIntegerField()
    patch = models.JSONField(null=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=DatabaseNow())

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "number"], name="one_revision_per_number")]

    def __str__(self) -> str:
        return f"{self.number} of {self.job_id}"


def standing(revisions: Iterable[Revision]) -> list[dict[str, Any]]:
    """The patches that count, in their order."""
    patches: list[dict[str, Any]] = []
    for revision in revisions:
        if revision.patch is not None:
            patches.append(revision.patch)
        elif patches:
            patches.pop()
    return patches
