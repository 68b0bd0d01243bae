"""A whole gallery is erased: it is closed first, so that nobody comes into it any more, and then its people are erased one by one.

In one transaction thousands of people would hold the database's only lock for minutes.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from faces.erasure import erase
from faces.models import Gallery, Person, PersonJob, Receipt
from tasks.clock import DatabaseNow
from tasks.errors import Refused
from tasks.models import Job

PATIENCE_SECONDS = 10.0  # a request erases for so long; what is left then is housekeeping's
SHARE_SECONDS = 0.3  # of one step of housekeeping


def erase_gallery(gallery: Gallery) -> list[Receipt]:
    """The receipts of everybody who is erased when this returns. If the gallery is still there then, housekeeping erases the others."""
    close(gallery)
    return erase_people(gallery, PATIENCE_SECONDS)


def close(gallery: Gallery) -> None:
    """From now on no request finds it: its name is one that nobody can ask for. Enrolments of somebody new that wait or run would make a
    gallery of the former name, and those that were refused hold names and consents: they are erased before. Those of people who are there
    are erased with them."""
    for job in enrolments_of_nobody(gallery):
        job.erase()
    Gallery.objects.filter(pk=gallery.pk).update(name=f"~{gallery.pk.hex}", closed_at=DatabaseNow())


def enrolments_of_nobody(gallery: Gallery) -> QuerySet[Job]:
    of_somebody = Exists(PersonJob.objects.filter(job=OuterRef("pk")))
    asked = Job.objects.filter(owner_id=gallery.owner_id, kind="faces", operation__in=["enrol", "bulk_enrol"], erased_at=None)
    return asked.filter(~of_somebody, parameters__gallery=gallery.name).exclude(parameters__has_key="person").order_by("pk")


def erase_people(gallery: Gallery, seconds: float) -> list[Receipt]:
    """For so long; with the last of them goes the gallery."""
    receipts: list[Receipt] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        person = Person.objects.filter(gallery=gallery, merged_into=None).select_related("gallery").order_by("-created_at", "-id").first()
        if person is None:
            remove(gallery)
            break
        with suppress(Refused):  # erased, merged or split in this moment
            receipts.append(erase(person, "gallery"))
    return receipts


def remove(gallery: Gallery) -> None:
    """With what is left of it, which is the log of its readings as a whole."""
    with transaction.atomic():
        if not Person.objects.filter(gallery=gallery).exists():
            Gallery.objects.filter(pk=gallery.pk).delete()


def erase_closed() -> bool:
    """What a request left, because there was much or its process died. Not while it may still be at it: its answer names whom it erased."""
    left = DatabaseNow() - timedelta(seconds=2 * PATIENCE_SECONDS)
    gallery = Gallery.objects.filter(closed_at__lt=left).first()
    if gallery:
        erase_people(gallery, SHARE_SECONDS)
    return gallery is not None
