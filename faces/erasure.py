"""A person is erased everywhere: rows, jobs with their files, and the key, so that a backup holds nothing that can be read."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from faces import receipts
from faces.models import Change, Consent, Erased, Person, PersonJob, Read, Receipt, Rejection, Template
from faces.vault import Vault
from tasks.clock import timestamp
from tasks.errors import Code, Refused
from tasks.models import Job, SavedFile

TRIES = 20
WHAT = "All of these people: templates, consents, names, rejections, readings, and the jobs that spoke of them with all their files."
logger = logging.getLogger(__name__)


class Late(Exception):
    """A job came to speak of the person while they were being erased."""


def erase(person: Person, reason: str) -> Receipt:
    """Erase a person with all records merged into theirs, and answer the signed receipt. What dies in between is finished by housekeeping.

    No worker can answer with the person any more once this returns: an end that would is refused (`faces.effects`). Raises
    Refused(`person_merged`) for a record that counts as another person's.
    """
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                receipt = erase_rows(person, reason)
            return finish(receipt)
        except Late:
            continue
    raise Refused(Code.UNAVAILABLE)


def erase_rows(person: Person, reason: str) -> Receipt:
    """Jobs first, then the people: whoever ends a job holds its row and asks for the person's, so the other way round two could wait for
    each other. A job that came in between makes this begin anew."""
    records = [record.pk for record in person.all_records()]
    jobs = jobs_of(records)
    files = SavedFile.objects.filter(job__in=jobs).count()
    for job in Job.objects.filter(pk__in=jobs).order_by("pk"):
        job.erase()
    others = set(Rejection.objects.filter(job__in=jobs).exclude(person__in=records).values_list("person", flat=True))
    held = Person.objects.held([*records, *others])
    if person.pk not in held:
        raise Refused(Code.NOT_FOUND)
    if held[person.pk].merged_into_id:
        raise Refused(Code.PERSON_MERGED)
    if jobs_of(records) != jobs or {record.pk for record in held[person.pk].all_records()} != set(records):
        raise Late
    receipt = Receipt.objects.create(
        owner_id=person.gallery.owner_id,
        facts={"reason": reason, "gallery": str(person.gallery_id), "people": ids(records), "jobs": ids(jobs)}
        | {"counts": {**counts(records), "jobs": len(jobs), "files": files, "keys": len(records)}},
        keys=[held[pk].key.hex for pk in records],
    )
    Erased.objects.bulk_create(Erased(person=pk, receipt=receipt) for pk in records)
    version = person.gallery.advance(removed=True)
    Rejection.objects.filter(person__in=others, job__in=jobs).delete()  # what those jobs saw may be this person's face
    Person.objects.filter(pk__in=others).update(version=version)
    Change.objects.filter(source__in=records).delete()
    Change.objects.filter(target__in=records).delete()
    Person.objects.filter(pk__in=records).update(merged_into=None)
    Person.objects.filter(pk__in=records).delete()
    return receipt


def jobs_of(people: list[UUID]) -> list[UUID]:
    return sorted(set(PersonJob.objects.filter(person__in=people).values_list("job_id", flat=True)))


def ids(pks: list[UUID]) -> list[str]:
    return sorted(str(pk) for pk in pks)


def counts(people: list[UUID]) -> dict[str, int]:
    of_person = {"templates": Template, "consents": Consent, "rejections": Rejection, "readings": Read}
    return {"people": len(people)} | {name: model._default_manager.filter(person__in=people).count() for name, model in of_person.items()}


def finish(receipt: Receipt) -> Receipt:
    """Erase the keys, then sign. Idempotent: it is done again where a process died in between."""
    vault = Vault()
    for key in receipt.keys:
        vault.erase(UUID(key))
    clear_log()
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                return sign(receipt)
        except IntegrityError:  # another receipt got this number
            continue
    raise Refused(Code.UNAVAILABLE)


def clear_log() -> None:
    """SQLite's write-ahead log holds what was deleted until it is begun anew. While somebody reads an older state it cannot be: then the
    next writes do it."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def sign(receipt: Receipt) -> Receipt:
    """The next of the chain. Raises IntegrityError if that is another."""
    receipt.refresh_from_db()
    if receipt.number is not None:
        return receipt
    last = Receipt.objects.filter(number__isnull=False).order_by("-number").first()
    receipt.number = last.number + 1 if last and last.number else 1
    receipt.document = receipts.signed(facts_of(receipt, last.sha256 if last else receipts.FIRST))
    receipt.sha256 = receipts.sha256(receipt.document)
    receipt.save(update_fields=["number", "document", "sha256"])
    logger.info("a person was erased", extra={"receipt": str(receipt.pk), "reason": receipt.facts["reason"]})
    return receipt


def facts_of(receipt: Receipt, previous: str) -> dict[str, Any]:
    gone_from_backups = receipt.erased_at + timedelta(days=settings.BACKUP_DAYS)
    return {
        "receipt": str(receipt.pk),
        "number": receipt.number,
        "previous": previous,
        "erased_at": timestamp(receipt.erased_at),
        "what": WHAT,
        **receipt.facts,
        "backups": {"days": settings.BACKUP_DAYS, "gone_by": timestamp(gone_from_backups), "templates_readable": False},
    }


def unfinished() -> list[Receipt]:
    return list(Receipt.objects.filter(number=None)[:100])
