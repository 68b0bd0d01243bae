from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageOps
from pytest_django import Settings

from faces.inference.model import FaceModel
from faces.serializers import VerifyResultSerializer
from tasks.errors import InvalidInput
from tasks.inference.model import Run
from tests.faces.pictures import astronaut, file_of, two_astronauts

NOBODY = Image.new("RGB", (300, 200), "gray")


def verify(model: FaceModel, selfie: Image.Image, reference: Image.Image, **options: Any) -> dict[str, Any]:
    return model.verify(Run(), selfie=file_of(selfie, **options), reference=file_of(reference))


def test_a_comparison_keeps_the_contract_and_shows_no_encoding(model: FaceModel) -> None:
    result = verify(model, astronaut(), astronaut())
    serializer = VerifyResultSerializer(data=json.loads(json.dumps(result)))
    assert serializer.is_valid(), serializer.errors
    assert (result["verdict"], result["distance"], result["threshold"]) == ("same", 0, 0.55)
    assert set(result) == set(serializer.fields)
    assert len(result["selfie"]["faces"]) == len(result["reference"]["faces"]) == 1


@pytest.mark.parametrize(
    "change", [ImageOps.mirror, lambda picture: picture.rotate(10), ImageOps.grayscale, lambda picture: picture.rotate(90, expand=True)]
)
def test_a_person_is_the_same_flipped_tilted_gray_or_sideways(model: FaceModel, change: Callable[[Image.Image], Image.Image]) -> None:
    result = verify(model, change(astronaut()), astronaut())
    assert result["verdict"] == "same" and 0 < result["distance"] < 0.5


def test_a_person_is_the_same_after_recompression(model: FaceModel) -> None:
    assert verify(model, astronaut(), astronaut(), quality=40)["distance"] < 0.4


def test_the_threshold_and_the_margin_come_from_settings(model: FaceModel, settings: Settings) -> None:
    settings.FACE_VERIFY_THRESHOLD, settings.FACE_UNSURE_MARGIN = 0.001, 0.5
    assert verify(model, ImageOps.mirror(astronaut()), astronaut())["verdict"] == "unsure"
    settings.FACE_UNSURE_MARGIN = 0.0
    assert verify(model, ImageOps.mirror(astronaut()), astronaut())["verdict"] == "different"


@pytest.mark.parametrize(
    ("selfie", "reference", "code", "named"),
    [
        (NOBODY, astronaut(), "no_face", "selfie"),
        (astronaut(), NOBODY, "no_face", "reference"),
        (two_astronauts(), astronaut(), "several_faces", "selfie"),
        (astronaut(), two_astronauts(), "several_faces", "reference"),
    ],
)
def test_a_photo_without_one_face_is_refused_by_name(
    model: FaceModel, selfie: Image.Image, reference: Image.Image, code: str, named: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        verify(model, selfie, reference)
    assert refused.value.code == code and f"'{named}'" in refused.value.detail
