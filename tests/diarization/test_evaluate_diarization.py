"""`manage.py evaluate_diarization`, on the recording inside the pyannote.audio package."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(sample_path: Path, tmp_path: Path) -> Path:
    """The telephone call under two names, one of which says that it is others joined."""
    for name in ("call", "call_concat"):
        for suffix in (".wav", ".rttm"):
            (tmp_path / f"{name}{suffix}").write_bytes(sample_path.with_suffix(suffix).read_bytes())
    return tmp_path


def evaluated(folder: Path, **options: Any) -> tuple[str, dict[str, Any]]:
    """What is printed, and the JSON."""
    said, file = io.StringIO(), folder.parent / f"{folder.name}.json"
    call_command("evaluate_diarization", folder, json=file, **options, stdout=said)
    figures: dict[str, Any] = json.loads(file.read_text())
    return said.getvalue(), figures


@pytest.mark.slow
def test_figures_are_printed_written_and_compared(folder: Path) -> None:
    said, figures = evaluated(folder)
    assert (figures["recordings"], len(figures["files"]), figures["seconds"]) == (1, 2, pytest.approx(30, abs=0.01))
    assert figures["der_strict"] == figures["files"][0]["der_strict"] == figures["by_group"]["call"]["der_strict"]
    assert all(text in said for text in ("call.wav", "(concat)", "der_strict", "of 2"))
    said, again = evaluated(folder, against=folder.parent / f"{folder.name}.json")
    assert again["against"]["comparison"]["der_strict"]["difference"] == 0
    assert "paired bootstrap" in said


@pytest.mark.slow
@pytest.mark.parametrize(("name", "error"), [("call.wav", "call.wav: .*not a recording"), ("call.rttm", "call.wav: .*RTTM|SPEAKER")])
def test_a_bad_file_is_named(folder: Path, name: str, error: str) -> None:
    (folder / name).write_text("nonsense")
    with pytest.raises(CommandError, match=error):
        evaluated(folder)


def test_a_recording_is_needed_for_each_reference(folder: Path) -> None:
    (folder / "call.wav").unlink()
    with pytest.raises(CommandError, match="each with its reference"):
        evaluated(folder)


def test_a_bad_folder_is_a_clear_error_with_exit_code_1(tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "evaluate_diarization", str(tmp_path)]
    environment = {"PATH": "", "FITSIZE_DATA": str(tmp_path / "data")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "must hold recordings" in done.stderr
