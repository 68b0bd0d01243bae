from __future__ import annotations

import base64
import io
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from PIL import Image

from keypoints.landmarks import CLOTHING
from keypoints.references import asked
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
    assert form.parameters() == {"clothing": clothing, "require_scale": False}
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


@pytest.mark.parametrize(
    "described",
    [
        {"reference": "sheet"},
        {"reference": "marker", "marker_cm": 10},
        {"reference": "a4"},
        {"reference": "checkerboard", "square_cm": 2.5},
        {"reference": "corners", "corners": "102,80 930,95.5 945,1240 88,1225", "width_cm": 21, "height_cm": 29.7},
        {"reference": "px_per_cm", "px_per_cm": 9.5, "require_scale": True},
        {"reference": "none"},
    ],
)
def test_each_reference_is_taken_with_its_fields(picture: str, described: dict[str, object]) -> None:
    form = PredictSerializer(data={"image": picture, "clothing": "skirt", **described})
    assert form.is_valid(), form.errors
    assert form.parameters() == {"clothing": "skirt", "require_scale": False, **described}
    assert asked(form.parameters()).reference == described["reference"]


@pytest.mark.parametrize(
    ("described", "wrong"),
    [
        ({"reference": "coin"}, "reference"),
        ({"reference": "none", "require_scale": True}, "require_scale"),
        ({"reference": "marker"}, "marker_cm"),
        ({"marker_cm": 10}, "marker_cm"),
        ({"reference": "a4", "px_per_cm": 9.5}, "px_per_cm"),
        ({"reference": "marker", "marker_cm": "10"}, "marker_cm"),
        ({"reference": "px_per_cm", "px_per_cm": -3}, "px_per_cm"),
        ({"reference": "corners", "corners": "1,2 3,4", "width_cm": 21, "height_cm": 29.7}, "corners"),
        ({"reference": "corners", "corners": "0,0 10,10 10,0 0,10", "width_cm": 21, "height_cm": 29.7}, "corners"),
    ],
)
def test_a_reference_that_nobody_can_use_is_refused(picture: str, described: dict[str, object], wrong: str) -> None:
    form = PredictSerializer(data={"image": picture, "clothing": "skirt", **described})
    assert not form.is_valid()
    assert list(form.errors) == [wrong]


@pytest.mark.parametrize("size", ["nan", "inf", "-inf", "1e999"])
def test_a_form_has_no_sizes_that_are_no_numbers(picture: str, size: str) -> None:
    form = PredictSerializer(data=QueryDict(urlencode({"image": picture, "clothing": "skirt", "reference": "marker", "marker_cm": size})))
    assert not form.is_valid()
    assert list(form.errors) == ["marker_cm"]
