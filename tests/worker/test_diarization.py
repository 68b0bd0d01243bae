"""A long recording on a real worker that is killed: the next attempt goes on at the block where the first was."""

from __future__ import annotations

import base64
import os
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from diarization.inference.weights import package_file
from tests.diarization.sounds import decoded, noise, wav
from tests.stack import Stack, eventually

pytestmark = pytest.mark.slow
BLOCK_SECONDS = 30


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    environment = {"DIARIZATION_BLOCK_SECONDS": str(BLOCK_SECONDS), "DJANGO_SETTINGS_MODULE": "fitsize.settings", "OMP_NUM_THREADS": "1"}
    with Stack(tmp_path_factory.mktemp("recordings"), workers=("diarization",), environment=environment) as running:
        yield running


@pytest.fixture(scope="module")
def conversation() -> str:
    """Five blocks."""
    call = decoded(package_file("pyannote", "audio/sample/sample.wav").read_bytes()).sound
    return base64.b64encode(wav(np.concatenate([call, noise(0.5), call, call, call, call])[: 5 * BLOCK_SECONDS * 16_000])).decode()


def submitted(stack: Stack, recording: str) -> dict[str, Any]:
    answer = stack.http.post("/api/v1/diarization", json={"audio": recording, "num_speakers": 2})
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def block_of(stack: Stack, job: dict[str, Any]) -> int:
    """How many blocks are kept."""
    [(step,)] = stack.row(job, "checkpoint_step")
    return int(step)


def test_a_job_killed_in_its_third_block_goes_on_there(recordings: Stack, conversation: str) -> None:
    undisturbed = recordings.ended(submitted(recordings, conversation), 300)
    job = submitted(recordings, conversation)
    eventually(lambda: block_of(recordings, job) == 2, 300, pause=0.005)
    os.kill(recordings.child_of("diarization"), signal.SIGKILL)
    eventually(lambda: block_of(recordings, job) > 2, 300, pause=0.005)
    assert recordings.row(job, "attempts, resumed_step") == [(2, 2)]
    ended = recordings.ended(job, 300)
    assert (ended["state"], ended["attempts"]) == ("succeeded", 2)
    assert ended["result"]["turns"] == undisturbed["result"]["turns"]
    assert ended["result"]["timings_ms"]["speech"] < undisturbed["result"]["timings_ms"]["speech"]
