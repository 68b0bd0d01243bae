"""Receipts of erasures: what is left of a person, which is nothing of the person."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models

from tasks.clock import DatabaseNow


class Receipt(models.Model):
    """Written with the erasure, and signed once the keys are gone: until then `number` is null, and housekeeping finishes what a process
    that died left undone. `keys` are the vault's, still to be erased."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    erased_at = models.DateTimeField(db_default=DatabaseNow())
    facts = models.JSONField()
    keys = models.JSONField()
    number = models.BigIntegerField(null=True, unique=True)
    document = models.JSONField(null=True)  # as it was signed
    sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "-erased_at", "-id"], name="receipt_of_owner")]

    def __str__(self) -> str:
        return f"receipt {self.pk}"


class Erased(models.Model):
    """An id of somebody who was erased: whoever asks again gets the same receipt."""

    person = models.UUIDField(primary_key=True)
    receipt = models.ForeignKey(Receipt, on_delete=models.CASCADE, related_name="people")

    def __str__(self) -> str:
        return f"erased {self.person}"
