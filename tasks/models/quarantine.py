"""Inputs that crashed the model's process once too often: refused for their owner for a week, or until an operator releases them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models

from tasks.clock import DatabaseNow
from tasks.errors import Code, Refused
from tasks.languages import sentence
from tasks.models import fingerprints
from tasks.transitions import QUARANTINED, changed

if TYPE_CHECKING:
    from tasks.models.jobs import Job


class QuarantineQuerySet(models.QuerySet["Quarantine"]):
    def active(self) -> QuarantineQuerySet:
        return self.filter(until__gt=DatabaseNow())

    def admit(self, owner_id: int, fingerprint: str) -> None:
        """Raises Refused(`input_quarantined`) for what this owner's input did before."""
        for (pk,) in changed(QUARANTINED, {"owner": owner_id, "fingerprint": fingerprint}):
            if held := self.filter(pk=pk).first():
                raise Refused(Code.INPUT_QUARANTINED, held.reason())

    def convict(self, job: Job) -> Quarantine:
        """Refuse from now on what this job was made of."""
        inputs = {stored.role: stored for stored in job.inputs.all()}
        found = fingerprints.of_input(job.facts, job.operation, job.parameters, inputs)
        until = DatabaseNow() + timedelta(seconds=settings.QUARANTINE_SECONDS)
        facts = {"job_id": job.pk, "kind": job.kind, "operation": job.operation, "until": until}
        held, _ = self.update_or_create(owner_id=job.owner_id, fingerprint=found, defaults=facts)
        return held

    def release(self) -> int:
        """From now on these inputs are accepted again; how many they were."""
        return self.delete()[0]


class Quarantine(models.Model):
    """One refused input of one owner; `job` is the one that was convicted."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    fingerprint = models.CharField(max_length=64)
    job_id = models.UUIDField()
    kind = models.CharField(max_length=40)
    operation = models.CharField(max_length=40)
    created_at = models.DateTimeField(db_default=DatabaseNow())
    until = models.DateTimeField()

    objects: ClassVar = QuarantineQuerySet.as_manager()

    class Meta:
        verbose_name = "quarantined input"
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner", "fingerprint"], name="one_quarantine_per_input")]

    def __str__(self) -> str:
        return f"{self.kind}/{self.operation} of job {self.job_id}"

    def reason(self) -> str:
        return sentence(
            "This input crashed the model's process again and again (job %(job)s); it is refused until %(until)s UTC.",
            job=str(self.job_id),
            until=f"{self.until:%Y-%m-%d %H:%M}",
        )
