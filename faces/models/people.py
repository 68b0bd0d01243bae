"""People who agreed to be known, and what was done in their name."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from faces.models.galleries import Gallery
from tasks.clock import DatabaseNow
from tasks.errors import Code, Refused

MOST_MERGES = 100  # people in one chain of merges
CONTACT_RESOLUTION = timedelta(hours=1)  # not a write per request


class PersonQuerySet(models.QuerySet["Person"]):
    def of_owner(self, owner_id: int, pk: uuid.UUID) -> Person:
        """Raises Refused(`not_found`) for nobody, and for another owner's."""
        found = self.filter(pk=pk, gallery__owner_id=owner_id).select_related("gallery").first()
        if found is None:
            raise Refused(Code.NOT_FOUND)
        return found

    def held(self, pks: Iterable[uuid.UUID]) -> dict[uuid.UUID, Person]:
        """Those that there still are, by id; none of them is changed or erased by others until this transaction ends.

        In the order of their ids, so that two who want the same do not wait for each other.
        """
        found = self.select_for_update(of=("self",)).filter(pk__in=set(pks)).select_related("gallery").order_by("pk")
        return {person.pk: person for person in found}

    def touch(self, pks: Iterable[uuid.UUID]) -> None:
        """They were met now: it is from here that retention counts."""
        old = Q(last_contact_at__lt=DatabaseNow() - CONTACT_RESOLUTION)
        self.filter(old, pk__in=set(pks)).update(last_contact_at=DatabaseNow())


class Person(models.Model):
    """One person in one gallery. `key` is that of the vault which all templates of theirs are sealed under.

    `merged_into` is set where this record was found to be of the same person as another: its templates count as the other's.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    gallery = models.ForeignKey(Gallery, on_delete=models.PROTECT, related_name="people", db_index=False)
    name = models.CharField(max_length=200, blank=True)
    key = models.UUIDField(unique=True)
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="merged")
    revision = models.PositiveIntegerField(default=1)
    version = models.BigIntegerField()  # of the gallery, when name or merge changed
    created_at = models.DateTimeField(db_default=DatabaseNow())
    last_contact_at = models.DateTimeField(db_default=DatabaseNow(), db_index=True)

    objects: ClassVar = PersonQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "people"
        indexes: ClassVar = [
            models.Index(fields=["gallery", "-created_at", "-id"], name="person_of_gallery"),
            models.Index(fields=["gallery", "version"], name="person_by_version"),
        ]

    def __str__(self) -> str:
        return f"person {self.pk}"

    @property
    def tag(self) -> str:
        """The strong ETag: whose it is, and which state."""
        return f'"{self.pk.hex[:12]}.{self.revision}"'

    def target(self) -> Person:
        """Whose templates theirs count as: themselves, or whoever they were merged into."""
        person = self
        for _ in range(MOST_MERGES):
            if person.merged_into_id is None:
                return person
            person = Person.objects.select_related("gallery").get(pk=person.merged_into_id)
        raise Refused(Code.NOT_MERGEABLE)

    def all_records(self) -> list[Person]:
        """This record and all that were merged into it, however indirectly."""
        found, layer = [self], [self]
        while layer:
            layer = list(Person.objects.filter(merged_into__in=layer))
            found += layer
        return found

    def changed(self, *, version: int | None = None) -> None:
        """Another state, and with `version` one that workers have to learn of. Refused(`stale_revision`) is for whoever was too late."""
        changes = {"revision": F("revision") + 1} | ({"version": version} if version is not None else {})
        Person.objects.filter(pk=self.pk).update(**changes)
        self.refresh_from_db(fields=["revision", "version"])


class Consent(models.Model):
    """What a person agreed to, in the words that were put to them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="consents")
    text = models.TextField()
    version = models.CharField(max_length=80)
    purpose = models.CharField(max_length=400)
    given_at = models.DateTimeField()
    recorded_by = models.BigIntegerField(null=True)  # the API key; null for a session
    recorded_at = models.DateTimeField(db_default=DatabaseNow())

    class Meta:
        ordering: ClassVar = ["recorded_at"]

    def __str__(self) -> str:
        return f"{self.version} of {self.person_id}"


class Part(models.TextChoices):
    """What a person has to do with a job."""

    NAMED = "named"  # the request named them
    ENROLLED = "enrolled"
    ANSWERED = "answered"  # the result names them


class PersonJob(models.Model):
    """Which jobs speak of a person: erasing the person erases them."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="jobs", db_index=False)
    job = models.ForeignKey("tasks.Job", on_delete=models.CASCADE, related_name="+")
    part = models.CharField(max_length=10, choices=Part.choices)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["person", "job", "part"], name="one_part_of_a_person_in_a_job")]

    def __str__(self) -> str:
        return f"{self.part} in {self.job_id}"


class Read(models.Model):
    """Templates were read: one person's, or with `person` null a gallery's. Written when a worker hands them to the model."""

    gallery = models.ForeignKey(Gallery, on_delete=models.CASCADE, related_name="+", db_index=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="+")
    job = models.UUIDField()
    operation = models.CharField(max_length=40)
    purpose = models.CharField(max_length=400, blank=True)
    by = models.BigIntegerField(null=True)  # the API key; null for a session
    at = models.DateTimeField(db_default=DatabaseNow(), db_index=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["gallery", "at"], name="read_of_gallery")]

    def __str__(self) -> str:
        return f"{self.operation} at {self.at}"
