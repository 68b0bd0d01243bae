from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from django.test import override_settings

from fitsize.hashers import BcryptHasher
from fitsize.secret_files import secret_file


def test_a_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    assert len(secret_file(path)) >= 60
    assert secret_file(path) == secret_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_processes_that_start_together_get_the_same_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folder = tmp_path / "data"
        folder.mkdir()
        secrets = set(pool.map(secret_file, [folder / "secret"] * 16))
    assert len(secrets) == 1
    assert [path.name for path in folder.iterdir()] == ["secret"]


@override_settings(PASSWORD_HASHERS=["fitsize.hashers.BcryptHasher"])
def test_passwords_are_hashed_by_bcrypt_with_the_rounds_of_the_settings() -> None:
    hashed = make_password("correct horse")
    assert identify_hasher(hashed).algorithm == BcryptHasher.algorithm
    assert f"$2b${BcryptHasher.rounds:02d}$" in hashed
    assert check_password("correct horse", hashed)
