"""`manage.py rotate_face_key [--data]`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from faces.keys import change_key
from faces.models import Person
from faces.vault import Vault
from tasks.sealing import Unreadable


class Command(BaseCommand):
    help = (
        "Seal every person's key under the first key of SEAL_KEYS, while the service runs. Start all processes with the new key in front "
        "first; when this says that nothing is left, the former key may go. It may be stopped and started again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", action="store_true", help="give every person a new key as well, and seal their templates anew")

    def handle(self, *args: Any, **options: Any) -> None:
        vault = Vault()
        if options["data"]:
            self.stdout.write(f"new keys: {sum(new_key(pk) for pk in list(Person.objects.values_list('pk', flat=True)))}")
        wrapped = sum(wrap(vault, pk) for pk in vault.all_keys())
        left = sum(not vault.is_current(pk) for pk in vault.all_keys())
        self.stdout.write(f"sealed under {next(iter(settings.SEAL_KEYS))!r}: {wrapped}; left under others: {left}")


def wrap(vault: Vault, pk: UUID) -> bool:
    """Only a person's: one that is being made may be nobody's for a moment, and is under the first key already. A person who is erased in
    this moment must not have a key again."""
    if not Person.objects.filter(key=pk).exists():
        return False
    try:
        done = vault.rewrap(pk)
    except (FileNotFoundError, Unreadable):
        return False
    if not Person.objects.filter(key=pk).exists():
        vault.erase(pk)
    return done


def new_key(pk: UUID) -> bool:
    """Nobody enrols or erases this person meanwhile. Who reads a row just before and the key just after reads the row again."""
    key = Vault().make()
    with transaction.atomic():
        person = Person.objects.held([pk]).get(pk)
        if person is None:
            return False
        try:
            change_key(person, key)
        except Unreadable:
            return False
        person.changed(version=person.gallery.advance())
    return True
