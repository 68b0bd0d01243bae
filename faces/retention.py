"""What housekeeping does about people: whoever was not met for long is erased, and what a process that died left undone is done."""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import UUID

from django.conf import settings

from faces.erasure import erase, finish, unfinished
from faces.models import Person, Read
from faces.vault import Vault
from tasks.clock import DatabaseNow
from tasks.errors import Refused

BATCH = 20
YOUNG_SECONDS = 3600  # a key comes before its person
ORPHAN_SECONDS = 7 * 86_400


def erase_forgotten() -> bool:
    """`FACE_KEEP_DAYS` after the last contact with any of their records."""
    old = DatabaseNow() - timedelta(days=settings.FACE_KEEP_DAYS)
    found = list(Person.objects.filter(merged_into=None, last_contact_at__lt=old).select_related("gallery")[:BATCH])
    for person in found:
        records = person.all_records()
        if Person.objects.filter(pk__in=[record.pk for record in records], last_contact_at__gte=old).exists():
            met_at = max(record.last_contact_at for record in records)
            Person.objects.filter(pk=person.pk).update(last_contact_at=met_at)  # under another record
            continue
        try:
            erase(person, "retention")
        except Refused:  # erased or merged in this moment
            continue
    return len(found) == BATCH


def finish_erasures() -> bool:
    """Keys that outlived their people, and receipts that were not signed, because a process died in between."""
    for receipt in unfinished():
        finish(receipt)
    return False


def forget_readings() -> bool:
    Read.objects.filter(at__lt=DatabaseNow() - timedelta(days=settings.FACE_KEEP_DAYS)).delete()
    return False


def sweep_vault() -> bool:
    """Keys of nobody, left by enrolments that came to nothing: one of the 256 folders at a time. They are set apart first, and forgotten a
    week later, since the database may be the wrong one; with the right one, somebody's key comes back."""
    sweep_folder(int(time.time() / settings.RETENTION_SECONDS) % 256)
    return False


def sweep_folder(shard: int) -> None:
    vault = Vault()
    found = vault.keys_in(shard)
    known = set(keys_of_people(found))
    for pk in found:
        if pk not in known and vault.age(pk) > YOUNG_SECONDS:
            vault.set_apart(pk)
    for pk in keys_of_people(vault.orphans()):
        vault.bring_back(pk)
    vault.forget_orphans(ORPHAN_SECONDS)


def keys_of_people(keys: list[UUID]) -> list[UUID]:
    return list(Person.objects.filter(key__in=keys).values_list("key", flat=True))
