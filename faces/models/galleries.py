"""Galleries: an owner's people, among whom a face is sought."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F

from tasks.clock import DatabaseNow

DEFAULT_GALLERY = "default"
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$"


class Gallery(models.Model):
    """`version` grows with each change of what a worker keeps of it; at `removed_at_version` something left it last. One that is closed is
    being erased: no request can ask for its name."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(max_length=80)
    version = models.BigIntegerField(default=0)
    removed_at_version = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(db_default=DatabaseNow())
    closed_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        verbose_name_plural = "galleries"
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner", "name"], name="one_gallery_per_name")]

    def __str__(self) -> str:
        return self.name

    def advance(self, *, removed: bool = False) -> int:
        """The next version, for what changes in this transaction; who else changes the gallery waits for its end."""
        changes = {"version": F("version") + 1} | ({"removed_at_version": F("version") + 1} if removed else {})
        Gallery.objects.filter(pk=self.pk).update(**changes)
        self.refresh_from_db(fields=["version", "removed_at_version"])
        return self.version
