"""Inputs that crashed the model's process once too often: refused for their owner for a week, or until an operator releases them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from django.conf import settings
from django.db import models
from django.utils.crypto import salted_hmac

from tasks.clock import DatabaseNow
from tasks.errors import Code, Refused
from tasks.kinds import Kind
from tasks.transitions import QUARANTINED, changed

if TYPE_CHECKING:
    from tasks.models.jobs import Job


class Hashed(Protocol):
    """A file whose content is known by its hash: an upload, or a stored input."""

    @property
    def sha256(self) -> str: ...


def fingerprint(kind: Kind, operation: str, parameters: dict[str, Any], files: Mapping[str, Hashed]) -> str:
    """An HMAC under the installation's secret: nobody who reads the table can try what an input was."""
    content = {role: file.sha256 for role, file in files.items()}
    said = json.dumps([kind.name, operation, kind.model_version, parameters, content], sort_keys=True)
    return salted_hmac("tasks.quarantine", said, algorithm="sha256").hexdigest()


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
        found = fingerprint(job.facts, job.operation, job.parameters, inputs)
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
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner", "fingerprint"], name="one_quarantine_per_input")]

    def __str__(self) -> str:
        return f"{self.kind}/{self.operation} of job {self.job_id}"

    def reason(self) -> str:
        until = f"{self.until:%Y-%m-%d %H:%M} UTC"
        return f"This input crashed the model's process again and again (job {self.job_id}); it is refused until {until}."
