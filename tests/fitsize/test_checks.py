from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from fitsize.checks import master_key


@pytest.mark.parametrize(("made_here", "folder", "warned"), [(True, "data", True), (True, "elsewhere", False), (False, "data", False)])
def test_a_master_key_among_the_data_that_it_seals_is_warned_of(
    settings: Settings, tmp_path: Path, made_here: bool, folder: str, warned: bool
) -> None:
    settings.DATA, settings.SEAL_KEYS_FILE = tmp_path / "data", tmp_path / folder / "seal_key"
    settings.SEAL_KEYS_MADE_HERE = made_here
    assert [found.id for found in master_key(None)] == (["fitsize.W001"] if warned else [])
