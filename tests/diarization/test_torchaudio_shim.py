from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from diarization.inference.torchaudio_shim import ensure_torchaudio, no_extension


def test_torchaudio_can_be_imported_and_used() -> None:
    ensure_torchaudio()
    functional = importlib.import_module("torchaudio.functional")
    assert functional.melscale_fbanks(201, 0.0, 8000.0, 40, 16000).shape == (201, 40)


def test_a_function_of_the_missing_part_says_so() -> None:
    guard = vars(no_extension())["fail_if_no_align"]
    with pytest.raises(RuntimeError, match="needs torchaudio's compiled extension"):
        guard(sum)([1])


def test_pyannote_does_not_report_its_use() -> None:
    program = (
        "import os; os.environ['PYANNOTE_METRICS_ENABLED'] = '1'\n"
        "import diarization.inference.pipeline\n"
        "from pyannote.audio.telemetry.metrics import is_metrics_enabled\n"
        "assert not is_metrics_enabled()"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)
