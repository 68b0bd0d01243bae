"""Merges and splits of people: each is a row, and can be taken back."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from faces.models.galleries import Gallery
from faces.models.people import Person
from tasks.clock import DatabaseNow


class Change(models.Model):
    """A merge says that `source` is `target`; a split moved `templates` from `source` to `target`, who was made for it."""

    class What(models.TextChoices):
        MERGE = "merge"
        SPLIT = "split"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    gallery = models.ForeignKey(Gallery, on_delete=models.PROTECT, related_name="+")
    what = models.CharField(max_length=5, choices=What.choices)
    source = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    target = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    templates = models.JSONField(default=list)
    by = models.BigIntegerField(null=True)  # the API key; null for a session
    at = models.DateTimeField(db_default=DatabaseNow())
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-at"]

    def __str__(self) -> str:
        return f"{self.what} {self.pk}"
