"""Nobody is kept beyond the last contact for longer than the law allows, and the vault holds nothing of nobody."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from faces import changes, retention
from faces.models import Person, Read, Receipt, Template
from faces.vault import Vault
from fitsize.models import User
from tests.faces.people import anybody, enrolled, numbers

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def met(person: Person, ago: timedelta) -> None:
    Person.objects.filter(pk=person.pk).update(last_contact_at=timezone.now() - ago)


def test_whoever_was_not_met_for_three_years_is_erased_with_a_receipt(owner: User) -> None:
    old, young = enrolled(owner, numbers(1)), enrolled(owner, numbers(2))
    met(old, 1096 * DAY)
    met(young, 1094 * DAY)
    assert retention.erase_forgotten() is False
    assert list(Person.objects.all()) == [young]
    assert Receipt.objects.get().facts["reason"] == "retention" and set(Vault().all_keys()) == {young.key}


def test_the_days_are_a_setting(owner: User, settings: Settings) -> None:
    person = enrolled(owner, numbers(1))
    met(person, 8 * DAY)
    settings.FACE_KEEP_DAYS = 7.0
    retention.erase_forgotten()
    assert not Person.objects.exists()


def test_whoever_was_met_under_another_record_is_kept(owner: User) -> None:
    old, young = enrolled(owner, numbers(1)), enrolled(owner, numbers(2))
    changes.merge(young, old, None, anybody)
    met(old, 2000 * DAY)
    met(young, 5 * DAY)
    retention.erase_forgotten()
    old.refresh_from_db()
    assert Person.objects.count() == 2 and timezone.now() - old.last_contact_at < 6 * DAY


def test_old_readings_are_forgotten(owner: User) -> None:
    person = enrolled(owner, numbers(1))
    for ago in (1 * DAY, 2000 * DAY):
        Read.objects.create(gallery=person.gallery, person=person, job=person.pk, operation="verify", at=timezone.now() - ago)
    retention.forget_readings()
    assert Read.objects.count() == 1


def test_a_key_of_nobody_is_set_apart_and_forgotten_a_week_later_but_a_young_one_stays(owner: User) -> None:
    vault, person = Vault(), enrolled(owner, numbers(1))
    lost, young = vault.make(), vault.make()
    for key in (lost, person.key):
        os.utime(vault.path(key), (0, 0))
    sweep()
    assert set(vault.all_keys()) == {person.key, young} and vault.key(lost)
    os.utime(vault.orphan(lost), (0, time.time() - 8 * 86_400))
    sweep()
    assert not vault.orphan(lost).exists()


def test_a_key_that_was_set_apart_beside_a_wrong_database_comes_back(owner: User) -> None:
    vault, person = Vault(), enrolled(owner, numbers(1))
    vault.set_apart(person.key)
    os.utime(vault.orphan(person.key), (0, 0))
    sweep()
    assert vault.key(person.key) and set(vault.all_keys()) == {person.key}


def sweep() -> None:
    for shard in range(256):
        retention.sweep_folder(shard)


# -- other keys
def encodings() -> dict[Any, bytes]:
    return {row.pk: row.encoding(Vault().key(row.key)) for row in Template.objects.all()}


def test_the_master_key_is_changed_while_everything_stays_readable(
    owner: User, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.SEAL_KEYS = {"old": b"o" * 32}
    enrolled(owner, numbers(1))
    enrolled(owner, numbers(2))
    before = encodings()
    settings.SEAL_KEYS = {"new": b"n" * 32, "old": b"o" * 32}
    assert encodings() == before
    call_command("rotate_face_key")
    assert "2; left under others: 0" in capsys.readouterr().out
    settings.SEAL_KEYS = {"new": b"n" * 32}
    assert encodings() == before
    call_command("rotate_face_key")
    assert "0; left under others: 0" in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_people_get_new_keys_and_the_former_ones_are_gone(owner: User) -> None:
    person = enrolled(owner, numbers(1))
    before, former = encodings(), person.key
    call_command("rotate_face_key", "--data")
    person.refresh_from_db()
    assert encodings() == before
    assert set(Vault().all_keys()) == {person.key} and person.key != former


def test_rotation_brings_no_erased_key_back(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from faces.erasure import erase
    from faces.management.commands import rotate_face_key

    person, vault = enrolled(owner, numbers(1)), Vault()
    monkeypatch.setitem(vault.masters, "made-here", vault.masters[vault.master])
    rewrap = Vault.rewrap

    def slow(vault: Vault, pk: Any) -> bool:
        """The person is erased between the reading and the writing of their key."""
        content = vault.path(pk).read_bytes()
        erase(person, "request")
        vault.path(pk).write_bytes(content)
        return rewrap(vault, pk)

    monkeypatch.setattr(Vault, "rewrap", slow)
    rotate_face_key.wrap(vault, person.key)
    assert list(vault.all_keys()) == []
