from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from faces.inference.model import FaceModel
from faces.inference.weights import ENCODER, LANDMARKS, encoder_file, landmarks_file


@pytest.fixture
def models_without_68_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of face_recognition_models that lacks the file which is not for commercial use."""
    real = encoder_file().parent
    folder = tmp_path / "face_recognition_models" / "models"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise RuntimeError('the package is found, not imported')")
    for name in (ENCODER, LANDMARKS[5]):
        (folder / name).symlink_to(real / name)
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_the_68_point_file_is_not_needed_with_5_points(models_without_68_points: Path, settings: Settings) -> None:
    settings.FACE_LANDMARKS = 5
    FaceModel().load()
    assert landmarks_file(5).parent == models_without_68_points


@pytest.mark.usefixtures("models_without_68_points")
def test_the_68_point_file_is_opened_when_asked_for(settings: Settings) -> None:
    settings.FACE_LANDMARKS = 68
    with pytest.raises(ImproperlyConfigured, match="shape_predictor_68"):
        FaceModel().load()


def test_other_numbers_of_points_are_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="must be 5 or 68"):
        landmarks_file(194)
