from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from keypoints.corrections import remeasure
from keypoints.geometry import Point
from keypoints.inference.crops import Picture
from keypoints.inference.model import GarmentModel
from keypoints.inference.reading import Garment, Sight
from keypoints.inference.scale import find_scale
from keypoints.kind import KIND, MODEL_VERSION
from keypoints.landmarks import CATEGORY, KINDS, Category, Visibility
from keypoints.references import Asked
from keypoints.results import unpacked
from keypoints.serializers import PredictResultSerializer
from keypoints.training.sample_photo import SamplePhoto
from tasks.errors import InvalidInput
from tasks.inference.model import Run
from tests.keypoints.results import PLACES

Predict = Callable[..., dict[str, Any]]
TURNED_LEFT = 6
"""EXIF orientation of a picture that must be turned a quarter clockwise to stand upright."""


def jpeg(picture: Image.Image, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=92, **options)
    file.seek(0)
    return file


def without_sheet(photo: SamplePhoto) -> Image.Image:
    """The photo with a grey board over the sheet."""
    found = find_scale(photo.picture, Asked())
    assert found is not None
    (left, top), (right, bottom) = np.min(found.outline, axis=0), np.max(found.outline, axis=0)
    covered = photo.picture.copy()
    covered[int(top) : int(bottom), int(left) : int(right)] = 128
    return Image.fromarray(covered)


@pytest.fixture(scope="module")
def run() -> Run:
    return Run()


@pytest.fixture(scope="module")
def result(model: GarmentModel, photo: SamplePhoto, run: Run) -> dict[str, Any]:
    return model.predict(run, image=jpeg(Image.fromarray(photo.picture)), clothing="t-shirt")


def test_the_result_is_valid_for_its_serializer(result: dict[str, Any]) -> None:
    described = PredictResultSerializer(data={name: value for name, value in result.items() if name != "warnings"})
    assert described.is_valid(), described.errors
    assert set(described.validated_data) == set(result) - {"warnings"}
    assert json.loads(json.dumps(result)) == result


def test_the_result_names_what_was_asked_and_what_was_used(result: dict[str, Any]) -> None:
    assert (result["clothing"], result["category"]) == ("t-shirt", "short_sleeve_top")
    assert result["picture"] == {"width": 1200, "height": 1600}
    assert [point["name"] for point in result["points"]] == list(CATEGORY["short_sleeve_top"].points)
    assert result["model_version"] == MODEL_VERSION == KIND.model_version


def test_points_are_near_the_true_ones(result: dict[str, Any], photo: SamplePhoto) -> None:
    found = {point["name"]: (point["x"], point["y"]) for point in result["points"]}
    garment = np.ptp(list(photo.points.values()), axis=0)
    for name, position in photo.points.items():
        assert np.hypot(*np.subtract(found[name], position)) < 0.03 * np.hypot(*garment), name


@pytest.mark.parametrize("name", ["body_length", "chest_width", "hem_width", "shoulder_width"])
def test_centimetres_are_within_five_percent_and_within_their_plus_minus(result: dict[str, Any], photo: SamplePhoto, name: str) -> None:
    found = next(measurement for measurement in result["measurements"] if measurement["name"] == name)
    assert found["value_cm"] == pytest.approx(photo.centimetres[name], rel=0.05)
    assert abs(found["value_cm"] - photo.centimetres[name]) <= found["plus_minus_cm"]


def test_the_scale_names_its_reference(result: dict[str, Any]) -> None:
    assert result["scale"]["reference"] == "aruco_sheet"
    assert result["scale"]["markers"] == [10, 11, 12, 13]
    assert len(unpacked(result["scale"]["alternatives"])) == 32
    assert result["scale"]["perspective"] == "measured"
    assert 3 <= result["scale"]["tilt_degrees"] <= 9  # the camera of the photo was tilted so far
    assert result["warnings"] == []


def test_what_the_result_holds_is_enough_to_measure_again(result: dict[str, Any]) -> None:
    measured_again = remeasure(result)
    assert measured_again["scale"]["px_per_cm"] == pytest.approx(result["scale"]["px_per_cm"], abs=0.002)
    for again, measured in zip(measured_again["measurements"], result["measurements"], strict=True):
        assert again["value_cm"] == pytest.approx(measured["value_cm"], abs=0.11)
        assert again["plus_minus_cm"] == pytest.approx(measured["plus_minus_cm"], abs=0.11)


def test_the_overlay_is_saved_as_a_jpeg(result: dict[str, Any], run: Run) -> None:
    assert list(run.files) == ["overlay.jpg"]
    overlay = Image.open(io.BytesIO(run.files["overlay.jpg"]))
    assert (overlay.format, overlay.size) == ("JPEG", (1050, 1400))


def test_without_a_sheet_there_are_no_centimetres(model: GarmentModel, photo: SamplePhoto) -> None:
    result = model.predict(Run(), image=jpeg(without_sheet(photo)), clothing="short_sleeve_top")
    assert result["scale"] is None
    assert {measurement["value_cm"] for measurement in result["measurements"]} == {None}
    assert {measurement["plus_minus_cm"] for measurement in result["measurements"]} == {None}
    assert "no_scale" in [warning["code"] for warning in result["warnings"]]


def test_a_photo_without_a_scale_fails_where_one_is_required(model: GarmentModel, photo: SamplePhoto) -> None:
    with pytest.raises(InvalidInput) as refused:
        model.predict(Run(), image=jpeg(without_sheet(photo)), clothing="short_sleeve_top", require_scale=True)
    assert refused.value.code == "no_scale"


def test_without_a_reference_nothing_is_looked_for(model: GarmentModel, photo: SamplePhoto, result: dict[str, Any]) -> None:
    """The sheet lies there; the points are the same, though they are found in a smaller picture."""
    found = model.predict(Run(), image=jpeg(Image.fromarray(photo.picture)), clothing="t-shirt", reference="none")
    assert (found["scale"], [said["code"] for said in found["warnings"] if said["code"] == "no_scale"]) == (None, [])
    width = next(one["value_px"] for one in found["measurements"] if one["name"] == "hem_width")
    assert width == pytest.approx(next(one["value_px"] for one in result["measurements"] if one["name"] == "hem_width"), rel=0.02)


def test_what_a_client_tells_is_in_pixels_of_the_picture_as_sent(model: GarmentModel, photo: SamplePhoto, result: dict[str, Any]) -> None:
    large = without_sheet(photo).resize((2400, 3200))
    told = model.predict(Run(), image=jpeg(large), clothing="t-shirt", reference="px_per_cm", px_per_cm=2 * result["scale"]["px_per_cm"])
    assert told["scale"]["px_per_cm"] == pytest.approx(2 * result["scale"]["px_per_cm"], rel=0.01)
    assert told["measurements"][0]["value_cm"] == pytest.approx(result["measurements"][0]["value_cm"], rel=0.05)
    assert [warning["code"] for warning in told["warnings"]] == ["rough_scale"]


def test_pixels_are_those_of_the_upright_original(model: GarmentModel, photo: SamplePhoto, result: dict[str, Any]) -> None:
    exif = Image.Exif()
    exif[0x0112] = TURNED_LEFT
    large = Image.fromarray(photo.picture).resize((2400, 3200)).transpose(Image.Transpose.ROTATE_90)
    turned = model.predict(Run(), image=jpeg(large, exif=exif), clothing="t-shirt")
    assert turned["picture"] == {"width": 2400, "height": 3200}
    for once, twice in zip(result["points"], turned["points"], strict=True):
        assert (twice["x"] / 2, twice["y"] / 2) == pytest.approx((once["x"], once["y"]), abs=12)
    assert turned["measurements"][0]["value_cm"] == pytest.approx(result["measurements"][0]["value_cm"], rel=0.02)


class Seeing:
    """Finds a skirt's points, and sees what it is told to."""

    version, calibrated = "garments-test", True

    def __init__(self, sight: Sight | None, visibility: Visibility = Visibility.VISIBLE, confidence: float = 0.95) -> None:
        self.sight, self.tells = sight, sight is not None
        self.points = [Point(name, x, y, confidence, visibility) for name, (x, y) in PLACES.items()]

    def find(self, picture: Picture, among: Sequence[Category]) -> Garment:
        return Garment(among[0], self.points, self.sight)


def sight(worn: float = 0.0, **kinds: float) -> Sight:
    return Sight({kind: kinds.get(kind, 0.0) for kind in KINDS}, worn)


@pytest.fixture
def predicted(model: GarmentModel, monkeypatch: pytest.MonkeyPatch) -> Predict:
    def predict(finder: Seeing, **parameters: Any) -> dict[str, Any]:
        monkeypatch.setattr(model, "finder", finder)
        return model.predict(Run(), image=jpeg(Image.new("RGB", (400, 700), "white")), **parameters)

    return predict


def test_what_the_picture_looks_like_is_told_beside_what_was_asked(predicted: Predict) -> None:
    result = predicted(Seeing(sight(skirt=0.7, trousers=0.3, worn=0.1)), clothing="skirt")
    assert result["seen"] == {"category": "skirt", "probability": 0.7, "asked": 0.7, "worn": 0.1}
    assert [warning["code"] for warning in result["warnings"]] == ["no_scale"]


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (sight(trousers=0.95, skirt=0.01), "category_mismatch"),
        (sight(no_garment=0.9, skirt=0.1), "no_garment"),
        (sight(skirt=0.9, worn=0.9), "worn_garment"),
    ],
)
def test_what_speaks_against_it_is_a_warning_and_no_measurement_is_ok(predicted: Predict, seen: Sight, code: str) -> None:
    result = predicted(Seeing(seen), clothing="skirt")
    assert result["warnings"][0]["code"] == code
    assert "ok" not in {measurement["quality"] for measurement in result["measurements"]}


def test_without_a_word_what_is_no_garment_fails(predicted: Predict) -> None:
    with pytest.raises(InvalidInput) as refused:
        predicted(Seeing(sight(no_garment=0.6, skirt=0.4)))
    assert refused.value.code == "no_garment"


def test_without_a_word_weights_that_cannot_tell_need_one(predicted: Predict) -> None:
    with pytest.raises(InvalidInput) as refused:
        predicted(Seeing(None))
    assert refused.value.code == "clothing_needed"


def test_weights_that_cannot_tell_say_nothing_of_what_they_see(predicted: Predict) -> None:
    assert predicted(Seeing(None), clothing="skirt")["seen"] is None


def test_a_garment_of_which_no_point_can_be_seen_is_none(predicted: Predict) -> None:
    with pytest.raises(InvalidInput) as refused:
        predicted(Seeing(sight(skirt=1.0), visibility=Visibility.ABSENT), clothing="skirt")
    assert refused.value.code == "no_garment"


def test_unsure_points_are_named_in_a_warning(predicted: Predict) -> None:
    result = predicted(Seeing(sight(skirt=1.0), confidence=0.6), clothing="skirt")
    assert [warning["code"] for warning in result["warnings"]] == ["no_scale", "estimated_points"]
    assert {point["estimated"] for point in result["points"]} == {True}


def test_the_rendered_shirt_is_one_without_a_word(model: GarmentModel, photo: SamplePhoto) -> None:
    result = model.predict(Run(), image=jpeg(Image.fromarray(photo.picture)))
    assert (result["clothing"], result["category"], result["seen"]["category"]) == (None, "short_sleeve_top", "short_sleeve_top")


def test_a_plain_picture_is_no_garment(model: GarmentModel) -> None:
    with pytest.raises(InvalidInput) as refused:
        model.predict(Run(), image=jpeg(Image.new("RGB", (300, 400), "white")))
    assert refused.value.code == "no_garment"


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "invalid_image"), (b"no picture at all", "invalid_image"), (b"GIF89a" + bytes(40), "invalid_image")],
)
def test_what_is_no_picture_is_invalid_input(model: GarmentModel, content: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        model.predict(Run(), image=io.BytesIO(content), clothing="skirt")
    assert refused.value.code == code


def test_a_truncated_picture_is_invalid_input(model: GarmentModel, photo: SamplePhoto) -> None:
    whole = jpeg(Image.fromarray(photo.picture)).getvalue()
    with pytest.raises(InvalidInput) as refused:
        model.predict(Run(), image=io.BytesIO(whole[: len(whole) // 2]), clothing="skirt")
    assert refused.value.code == "truncated_image"


def test_the_sample_passes_whatever_the_network_takes_it_for(model: GarmentModel) -> None:
    """A child whose predecessor died runs it first, and takes an error for a broken installation."""
    model.sample()
