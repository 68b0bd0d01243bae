"""The numbers that stand for a face, sealed: in the database nobody can read them."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from faces.models.people import Person
from tasks.clock import DatabaseNow
from tasks.sealing import opened, sealed


class Template(models.Model):
    """One photo's encoding, sealed under the person's key and bound to both ids."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="templates")
    sealed = models.BinaryField()
    key = models.UUIDField()
    encoder = models.CharField(max_length=80)  # encodings of different ones cannot be compared
    face_pixels = models.FloatField()
    photo = models.CharField(max_length=64)  # what tells the photo again if it comes again: an HMAC of its content
    job = models.UUIDField()
    version = models.BigIntegerField()  # of the gallery, when it came or moved
    created_at = models.DateTimeField(db_default=DatabaseNow())

    class Meta:
        ordering: ClassVar = ["created_at", "id"]
        indexes: ClassVar = [
            models.Index(fields=["photo"], name="template_by_photo"),
            models.Index(fields=["version"], name="template_by_version"),
        ]

    def __str__(self) -> str:
        return f"template {self.pk}"

    def seal(self, key: bytes, encoding: bytes) -> None:
        """Under this key of this template's person."""
        self.key, self.sealed = self.person.key, sealed(key, encoding, self.person_id, self.pk)

    def encoding(self, key: bytes) -> bytes:
        """128 numbers as little-endian float32. Raises Unreadable."""
        return opened(key, self.sealed, self.person_id, self.pk)


class Rejection(models.Model):
    """Somebody said of a job's answer: this is not that person. What was seen then is kept, sealed under the person's key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="rejections")
    sealed = models.BinaryField()
    job = models.UUIDField()
    face = models.PositiveSmallIntegerField(default=0)
    at = models.DateTimeField(db_default=DatabaseNow())

    class Meta:
        ordering: ClassVar = ["at"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["person", "job", "face"], name="one_rejection_per_answer")]

    def __str__(self) -> str:
        return f"rejection {self.pk}"

    def encoding(self, key: bytes) -> bytes:
        """As a template's, bound to person and job. Raises Unreadable."""
        return opened(key, self.sealed, self.person_id, self.job)
