"""Where face_recognition_models keeps its files; found without importing it, as its import needs the pkg_resources of old setuptools."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

PACKAGE = "face_recognition_models"
ENCODER = "dlib_face_recognition_resnet_model_v1.dat"
LANDMARKS = {
    5: "shape_predictor_5_face_landmarks.dat",
    68: "shape_predictor_68_face_landmarks.dat",  # trained on iBUG 300-W: not for commercial use (README of davisking/dlib-models)
}


def encoder_file() -> Path:
    """dlib's ResNet encoder (public domain). Raises ImproperlyConfigured if it is not installed."""
    return _file(ENCODER)


def landmarks_file(points: int) -> Path:
    """The landmark model with 5 or 68 points. Raises ImproperlyConfigured for another number or a missing file."""
    if points not in LANDMARKS:
        raise ImproperlyConfigured(f"FACE_LANDMARKS is {points!r}; it must be 5 or 68.")
    return _file(LANDMARKS[points])


def _file(name: str) -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ImproperlyConfigured(f"The package {PACKAGE} is not installed; install the extra 'faces'.")
    file = Path(spec.submodule_search_locations[0]) / "models" / name
    if not file.is_file():
        raise ImproperlyConfigured(f"The package {PACKAGE} lacks its file models/{name}; install the package again.")
    return file
