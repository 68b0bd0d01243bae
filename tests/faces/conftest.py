from __future__ import annotations

import pytest
from django.test import override_settings
from pytest_django import Settings

from faces.inference import gallery as cache
from faces.inference.model import FaceModel
from faces.limits import LIMITS
from tests.tasks.jobs import play_child


@pytest.fixture(scope="session")
def model() -> FaceModel:
    return loaded(landmarks=5)


@pytest.fixture(scope="session")
def model_with_68_points() -> FaceModel:
    return loaded(landmarks=68)


def loaded(landmarks: int) -> FaceModel:
    model = FaceModel()
    with override_settings(FACE_LANDMARKS=landmarks, FACE_ENCODER="auto"):
        model.load()
    return model


@pytest.fixture(autouse=True)
def default_settings(settings: Settings) -> None:
    """The defaults, whatever the environment says."""
    settings.FACE_LANDMARKS = 5
    settings.FACE_ENGINE, settings.FACE_ENCODER = "own", "auto"
    settings.FACE_LIMITS = dict(LIMITS)
    settings.FACE_CALIBRATION = str(settings.BASE_DIR / "faces" / "calibration.json")
    settings.FACE_FMR, settings.FACE_FPIR = 0.001, 0.01


@pytest.fixture
def child(model: FaceModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process runs the jobs."""
    play_child(monkeypatch, model, "faces@here")


@pytest.fixture
def search(child: None, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """And looks for people, with no gallery in memory yet."""
    monkeypatch.setattr(cache, "cached", {})
    settings.FACES_IDENTIFY, settings.FACES_IDENTIFY_PURPOSE = True, "the door"
