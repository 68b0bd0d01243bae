from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from diarization.inference.model import DiarizationModel
from diarization.inference.weights import package_file
from tasks.inference.model import Run
from tests.diarization.sounds import Sound, decoded

Predict = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """As in a worker: on a busy machine two are many times slower."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def model() -> DiarizationModel:
    model = DiarizationModel()
    model.load()
    return model


@pytest.fixture
def predict(model: DiarizationModel) -> Predict:
    """The result for the bytes of a file."""
    return lambda content, **hints: model.predict(Run(), io.BytesIO(content), **hints)


@pytest.fixture(scope="session")
def sample_path() -> Path:
    """30 seconds of two people on the telephone, inside the pyannote.audio package."""
    return package_file("pyannote", "audio/sample/sample.wav")


@pytest.fixture(scope="session")
def sample(sample_path: Path) -> Sound:
    return decoded(sample_path.read_bytes()).sound
