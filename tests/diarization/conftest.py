from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diarization.inference.decoding import decode
from diarization.inference.model import DiarizationModel
from diarization.inference.weights import package_file
from tasks.inference.model import Run
from tests.diarization.sounds import Sound

Predict = Callable[..., dict[str, Any]]


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
    with sample_path.open("rb") as file:
        return decode(file, max_seconds=60).sound
