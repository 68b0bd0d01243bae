from __future__ import annotations

import os
import stat
from pathlib import Path
from uuid import uuid4

import pytest
from pytest_django import Settings

from faces.vault import Vault
from tasks.sealing import Unreadable


def test_a_key_lies_sealed_in_a_file_for_its_owner_alone(settings: Settings, tmp_path: Path) -> None:
    settings.FACE_VAULT = tmp_path / "new" / "vault"
    vault = Vault()
    pk = vault.make()
    path = vault.path(pk)
    assert [stat.S_IMODE(place.stat().st_mode) for place in (path, path.parent, path.parent.parent)] == [0o600, 0o700, 0o700]
    assert vault.key(pk) == Vault().key(pk) and len(vault.key(pk)) == 32
    assert vault.key(pk) not in path.read_bytes() and vault.key(pk).hex() not in path.read_text()
    assert list(Path(settings.FACE_VAULT).rglob(".*")) == []


def test_an_erased_key_is_gone_and_erasing_again_is_harmless() -> None:
    vault = Vault()
    pk = vault.make()
    assert vault.erase(pk) and not vault.erase(pk)
    with pytest.raises(Unreadable):
        vault.key(pk)


def test_a_draft_that_a_process_left_goes_with_its_key() -> None:
    vault = Vault()
    pk, other = vault.make(), vault.make()
    left = vault.path(pk).with_name(f".{pk.hex}.0a1b2c3d")
    left.write_bytes(vault.path(pk).read_bytes())
    vault.erase(pk)
    assert not left.exists() and vault.key(other)


def test_a_file_put_in_anothers_place_opens_nothing() -> None:
    vault = Vault()
    mine, other = vault.make(), vault.make()
    vault.path(mine).write_bytes(vault.path(other).read_bytes())
    with pytest.raises(Unreadable):
        vault.key(mine)


def test_keys_are_wrapped_anew_and_readable_with_either_master_meanwhile(settings: Settings) -> None:
    settings.SEAL_KEYS = {"old": b"o" * 32}
    pk = Vault().make()
    content = Vault().key(pk)
    settings.SEAL_KEYS = {"new": b"n" * 32, "old": b"o" * 32}
    assert Vault().key(pk) == content
    assert Vault().rewrap(pk) and not Vault().rewrap(pk)
    settings.SEAL_KEYS = {"new": b"n" * 32}
    assert Vault().key(pk) == content
    settings.SEAL_KEYS = {"old": b"o" * 32}
    with pytest.raises(Unreadable):
        Vault().key(pk)


def test_a_vault_that_is_away_is_our_fault_and_no_missing_key(settings: Settings, tmp_path: Path) -> None:
    settings.FACE_VAULT = tmp_path / "not-mounted"
    with pytest.raises(OSError, match="not there"):
        Vault().key(uuid4())


def test_a_key_set_apart_still_opens_until_it_is_forgotten() -> None:
    vault = Vault()
    pk = vault.make()
    content = vault.key(pk)
    vault.set_apart(pk)
    vault.forget_orphans(60)
    assert vault.key(pk) == content and list(vault.all_keys()) == []
    os.utime(vault.orphan(pk), (0, 0))
    vault.forget_orphans(60)
    with pytest.raises(Unreadable):
        vault.key(pk)


def test_the_keys_of_a_vault_are_listed() -> None:
    vault = Vault()
    made = {vault.make() for _ in range(5)}
    assert set(vault.all_keys()) == made
