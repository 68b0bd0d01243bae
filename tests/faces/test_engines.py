from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from django.core.exceptions import ImproperlyConfigured
from PIL import ImageFile
from pytest_django import Settings

from faces.inference.engines import imported
from faces.inference.model import FaceModel
from tasks.inference.model import Run
from tests.faces.pictures import astronaut, file_of

PACKAGES = ("face_recognition", "face_recognition_models")
needs_face_recognition = pytest.mark.skipif(find_spec(PACKAGES[0]) is None, reason="face_recognition is not installed: docs/faces.md")


def forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
        del sys.modules[name]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Nobody has imported the package, before and after."""
    forget()
    yield
    forget()


@needs_face_recognition
def test_importing_the_package_leaves_pillow_as_it_was() -> None:
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    imported()
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@needs_face_recognition
def test_the_package_gives_the_same_answers(model: FaceModel, settings: Settings) -> None:
    settings.FACE_ENGINE = "face_recognition"
    theirs = FaceModel()
    theirs.load()
    ours, other = (engine.verify(Run(), file_of(astronaut()), file_of(astronaut().rotate(10))) for engine in (model, theirs))
    assert other["distance"] == pytest.approx(ours["distance"], abs=1e-4)
    assert {**other, "distance": 0} == {**ours, "distance": 0}
    chip = np.zeros((1, 150, 150, 3), np.uint8)
    assert np.linalg.norm(theirs.encoder.encode(chip) - model.encoder.encode(chip)) < 1e-4


def test_without_the_package_a_worker_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "face_recognition", None)
    with pytest.raises(ImproperlyConfigured, match="FACE_ENGINE is 'face_recognition', which is not installed"):
        imported()


def test_a_package_that_quits_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "face_recognition"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "api.py").write_text("from PIL import ImageFile\nImageFile.LOAD_TRUNCATED_IMAGES = True\nraise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImproperlyConfigured, match="cannot import face_recognition_models"):
        imported()
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
