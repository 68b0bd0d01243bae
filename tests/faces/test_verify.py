from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
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
    assert (result["verdict"], result["distance"], result["threshold"]["value"]) == ("match", 0, 0.572)
    assert set(result) == set(serializer.fields)
    assert len(result["selfie"]["faces"]) == len(result["reference"]["faces"]) == 1


@pytest.mark.parametrize(
    "change", [ImageOps.mirror, lambda picture: picture.rotate(10), ImageOps.grayscale, lambda picture: picture.rotate(90, expand=True)]
)
def test_a_person_is_the_same_flipped_tilted_gray_or_sideways(model: FaceModel, change: Callable[[Image.Image], Image.Image]) -> None:
    result = verify(model, change(astronaut()), astronaut())
    assert result["verdict"] == "match" and 0 < result["distance"] < 0.5


def test_a_person_is_the_same_after_recompression(model: FaceModel) -> None:
    assert verify(model, astronaut(), astronaut(), quality=40)["distance"] < 0.4


def test_the_threshold_follows_the_share_of_strangers_that_may_pass(model: FaceModel, settings: Settings) -> None:
    usual = verify(model, astronaut(), astronaut())["threshold"]
    settings.FACE_FMR = 0.00001
    strict = verify(model, astronaut(), astronaut())["threshold"]
    assert (usual["fmr"], strict["fmr"]) == (0.001, 0.00001) and strict["value"] < 0.5 < usual["value"] < usual["unsure_to"]


def test_a_calibration_of_ones_own_decides(model: FaceModel, settings: Settings, tmp_path: Path) -> None:
    told = json.loads(Path(settings.FACE_CALIBRATION).read_text())
    told["single_photo"]["distance"] = [0.001, 0.002, 0.003, 0.9]
    own = tmp_path / "own.json"
    own.write_text(json.dumps(told))
    settings.FACE_CALIBRATION = str(own)
    assert verify(model, ImageOps.mirror(astronaut()), astronaut())["verdict"] == "unsure"


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
