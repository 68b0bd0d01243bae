from __future__ import annotations

import os
import subprocess
import sys

import pytest

from diarization.configured import Configured, configured

COMMUNITY = "pyannote/speaker-diarization-community-1"


@pytest.mark.parametrize(
    ("setting", "found", "version"),
    [
        (COMMUNITY, Configured(hub_id=COMMUNITY), "pyannote-speaker-diarization-community-1"),
        (
            f"{COMMUNITY}@v1.0",
            Configured(hub_id=COMMUNITY, revision="v1.0"),
            "pyannote-speaker-diarization-community-1@v1.0",
        ),
        ("/models/meetings/", Configured(directory="/models/meetings/"), "pyannote-meetings"),
    ],
)
def test_a_pipeline_is_named_by_where_it_lies(setting: str, found: Configured, version: str) -> None:
    assert configured(setting) == found
    assert (found.pyannote, found.version) == (True, version)


def test_offline_is_no_pipeline_of_pyannotes() -> None:
    assert not configured("offline").pyannote


@pytest.mark.parametrize("setting", ["", "/", "pyannote", "models/a/b", "./models", "~/models", f"{COMMUNITY}@", "/models/" + "a" * 72])
def test_anything_else_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match="offline|longer"):
        configured(setting)


PROGRAM = """
import django
django.setup()
from diarization.kind import KIND
print(KIND.model_version, KIND.operations["predict"].deadline_seconds_per_unit)
"""


def started(**environment: str) -> subprocess.CompletedProcess[str]:
    whole = {**os.environ, "DJANGO_SETTINGS_MODULE": "fitsize.settings", **environment}
    return subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=whole)


def test_the_web_process_names_the_pipeline_that_workers_have() -> None:
    assert started(DIARIZATION_PIPELINE="/nowhere/meetings").stdout.split() == ["pyannote-meetings", "4.0"]
    assert started(DIARIZATION_PIPELINE="offline").stdout.split() == ["offline-3", "1.0"]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DIARIZATION_PIPELINE": "pyannote"}, "DIARIZATION_PIPELINE: 'pyannote' is not `offline`"),
        ({"DIARIZATION_TOKEN": "secret"}, "DIARIZATION_TOKEN is a token of Hugging Face, which begins with hf_"),
        ({"DIARIZATION_BLOCK_SECONDS": "0"}, "DIARIZATION_BLOCK_SECONDS is a number from 30 to 7200"),
        ({"DIARIZATION_BLOCK_SECONDS": "99999999999"}, "DIARIZATION_BLOCK_SECONDS is a number from 30 to 7200"),
        ({"DIARIZATION_MAX_SECONDS": "0"}, "DIARIZATION_MAX_SECONDS is 1 or more"),
    ],
)
def test_a_wrong_setting_stops_the_program_with_its_name(environment: dict[str, str], said: str) -> None:
    done = started(**environment)
    assert done.returncode == 1
    assert said in done.stderr and "secret" not in done.stderr
