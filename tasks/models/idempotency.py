"""`Idempotency-Key`: the same request sent twice, because the first answer was lost, makes one job."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models

from tasks.clock import DatabaseNow
from tasks.errors import Code, Refused

if TYPE_CHECKING:
    from tasks.models.jobs import Job


class IdempotencyKeyQuerySet(models.QuerySet["IdempotencyKey"]):
    def expired(self) -> IdempotencyKeyQuerySet:
        return self.filter(created_at__lt=DatabaseNow() - timedelta(seconds=settings.IDEMPOTENCY_SECONDS))

    def job_of(self, asked: IdempotencyKey) -> Job | None:
        """The job that this request made before; None if it is new. Raises Refused(`idempotency_key_reused`) for another request."""
        same = self.filter(owner_id=asked.owner_id, route=asked.route, key=asked.key)
        same.expired().delete()
        found = same.select_related("job").first()
        if found and found.fingerprint != asked.fingerprint:
            raise Refused(Code.IDEMPOTENCY_KEY_REUSED)
        return found.job if found else None


class IdempotencyKey(models.Model):
    """A key that an owner's client chose for a request to one route, and the job that came of it."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    route = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    job = models.ForeignKey("tasks.Job", on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(db_default=DatabaseNow(), db_index=True)

    objects: ClassVar = IdempotencyKeyQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner", "route", "key"], name="one_job_per_idempotency_key")]

    def __str__(self) -> str:
        return f"{self.key} of {self.owner_id} for {self.route}"
