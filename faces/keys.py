"""Another key for a person: whatever was sealed under the former one, in whatever copy, nobody opens any more."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from django.db import transaction

from faces.models import Person, Rejection, Template
from faces.vault import Vault
from tasks.sealing import sealed


def change_key(person: Person, key: UUID) -> None:
    """Of a person who is held in this transaction; the former key is erased when it is committed. Raises Unreadable, before anything is
    changed."""
    vault, former = Vault(), person.key
    person.key = key
    seal_anew(vault, person, former)
    person.save(update_fields=["key"])
    transaction.on_commit(partial(vault.erase, former))


def seal_anew(vault: Vault, person: Person, former: UUID) -> None:
    """Raises Unreadable, before anything is changed."""
    old, new = vault.key(former), vault.key(person.key)
    templates = [(row, row.encoding(old)) for row in Template.objects.filter(person=person)]
    rejections = [(row, row.encoding(old)) for row in Rejection.objects.filter(person=person)]
    for template, encoding in templates:
        template.person = person
        template.seal(new, encoding)
        template.save(update_fields=["key", "sealed"])
    for rejection, encoding in rejections:
        rejection.sealed = sealed(new, encoding, person.pk, rejection.job)
        rejection.save(update_fields=["sealed"])
