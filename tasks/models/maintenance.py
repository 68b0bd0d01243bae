"""Maintenance: nothing new is accepted, what was accepted goes on."""

from __future__ import annotations

from django.db import models

from tasks.clock import DatabaseNow


class Maintenance(models.Model):
    """Its only row is there while maintenance lasts; `reason` is what callers read."""

    reason = models.CharField(max_length=300)
    since = models.DateTimeField(db_default=DatabaseNow())

    class Meta:
        verbose_name_plural = "maintenance"

    def __str__(self) -> str:
        return self.reason
