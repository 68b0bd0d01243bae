from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from keypoints.landmarks import CLOTHING
from keypoints.serializers import PredictSerializer


@pytest.fixture
def picture() -> str:
    file = io.BytesIO()
    Image.new("RGB", (30, 40)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("clothing", CLOTHING)
def test_every_word_for_clothing_is_accepted(picture: str, clothing: str) -> None:
    form = PredictSerializer(data={"image": picture, "clothing": clothing})
    assert form.is_valid(), form.errors
    assert form.parameters() == {"clothing": clothing}
    assert list(form.uploads()) == ["image"]


@pytest.mark.parametrize("clothing", ["socks", "", 3, ["skirt"], None])
def test_unknown_clothing_is_refused(picture: str, clothing: object) -> None:
    form = PredictSerializer(data={"image": picture, "clothing": clothing})
    assert not form.is_valid()
    assert list(form.errors) == ["clothing"]


def test_the_refusal_lists_the_choices(picture: str) -> None:
    form = PredictSerializer(data={"image": picture, "clothing": "socks"})
    form.is_valid()
    (message,) = form.errors["clothing"]
    assert all(word in message for word in CLOTHING)
