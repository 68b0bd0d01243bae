from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.scale import Scenery, projected
from keypoints import sheet
from keypoints.geometry import apply, definitions_for, length, mapped
from keypoints.inference.crops import Picture
from keypoints.inference.scale import Reference, find_scale, judged
from keypoints.references import Asked
from keypoints.training.sample_photo import SamplePhoto, sheet_picture
from tasks.errors import InvalidInput

SHEET = Asked()


def found_in(picture: Picture, asked: Asked = SHEET) -> Reference:
    found = find_scale(picture, asked)
    assert found is not None
    return found


def codes(found: Reference | None, garment: list[tuple[float, float]]) -> list[str]:
    return [warning["code"] for warning in judged(found, garment)[1]]


def test_the_sheet_gives_the_true_centimetres_of_the_true_points(photo: SamplePhoto) -> None:
    found = found_in(photo.picture)
    assert (found.name, found.markers) == ("aruco_sheet", (10, 11, 12, 13))
    positions = mapped(photo.points, found.scale.homography)
    for definition in definitions_for(list(positions)):
        assert length(definition, positions) == pytest.approx(definition.times * width_of(photo, definition.name), rel=0.01)


def width_of(photo: SamplePhoto, name: str) -> float:
    return photo.centimetres[name] / (2 if name.endswith("_girth") else 1)


def test_two_markers_are_enough(photo: SamplePhoto) -> None:
    whole = found_in(photo.picture)
    half_hidden = photo.picture.copy()
    half_hidden[int(np.mean([y for _, y in whole.outline])) :] = 200
    found = found_in(half_hidden)
    assert found.markers == (10, 11)
    assert apply(found.scale.homography, whole.outline[1]) == pytest.approx((sheet.A4.width, 0), abs=0.3)


def one_marker() -> Picture:
    page = np.full((800, 600, 3), 255, np.uint8)
    page[300:500, 200:400] = cv2.cvtColor(sheet_picture()[80:280, 80:280], cv2.COLOR_GRAY2RGB)
    return page


def test_one_marker_of_a_sheet_is_no_scale() -> None:
    assert find_scale(one_marker(), SHEET) is None


def test_one_marker_of_a_size_that_is_told_is_a_scale() -> None:
    found = found_in(one_marker(), Asked("marker", marker_cm=5))
    assert (found.name, found.markers) == ("aruco_marker", (10,))
    assert found.pixels_per_centimetre == pytest.approx(40, rel=0.02)


def test_two_single_markers_of_different_sizes_disagree() -> None:
    page = np.full((800, 900, 3), 255, np.uint8)
    for number, side, left in ((20, 240, 60), (21, 160, 500)):
        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
        page[300 : 300 + side, left : left + side] = cv2.aruco.generateImageMarker(dictionary, number, side)[..., None]
    with pytest.raises(InvalidInput) as refused:
        find_scale(page, Asked("marker", marker_cm=10))
    assert refused.value.code == "references_disagree"


def test_a_sheet_that_is_far_away_assumes_the_perspective_and_says_so() -> None:
    page = cv2.cvtColor(cv2.resize(sheet_picture(), (150, 212), interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2RGB)
    far_away = np.full((3000, 1500, 3), 255, np.uint8)
    far_away[900:1112, 700:850] = page
    found = found_in(far_away)
    assert not found.scale.measured
    assert codes(found, [(500.0, 500.0), (900.0, 1500.0)]) == ["rough_scale"]


def test_markers_that_do_not_lie_as_on_the_sheet_are_no_scale() -> None:
    page = np.repeat(sheet_picture(20)[..., None], 3, axis=2)
    page[:, 210:] = np.roll(page[:, 210:], 60, axis=0)
    assert find_scale(page, SHEET) is None


def test_a_picture_without_sheet_has_no_scale() -> None:
    nothing = np.full((400, 300, 3), 128, np.uint8)
    assert find_scale(nothing, SHEET) is None
    assert codes(None, []) == ["no_scale"]


@pytest.mark.parametrize("asked", [Asked("marker", marker_cm=10), Asked("a4"), Asked("checkerboard", square_cm=3)])
def test_a_picture_without_the_reference_has_no_scale(photo: SamplePhoto, asked: Asked) -> None:
    scene = Scenery(5).scene("sheet", (0, 8), laid=False)
    assert find_scale(scene.picture, asked) is None


@pytest.mark.parametrize(
    ("reference", "error"),
    [("letter", 0.03), ("marker", 0.08), ("a4", 0.05), ("checkerboard", 0.08), ("corners", 0.05), ("px_per_cm", 0.15)],
)
def test_each_reference_gives_about_the_true_lengths(reference: str, error: float) -> None:
    scene = Scenery(3).scene(reference, (0, 8))
    homography = found_in(scene.picture, scene.asked).scale.homography
    for (start, end), true in zip(scene.ends, scene.centimetres, strict=True):
        measured = np.hypot(*np.subtract(apply(homography, tuple(start)), apply(homography, tuple(end))))
        assert measured == pytest.approx(true, rel=error)


def test_a_reference_that_is_told_wrong_disagrees_with_the_sheet(photo: SamplePhoto) -> None:
    scale = found_in(photo.picture).pixels_per_centimetre
    assert found_in(photo.picture, Asked("px_per_cm", px_per_cm=scale)).name == "aruco_sheet"
    with pytest.raises(InvalidInput) as refused:
        find_scale(photo.picture, Asked("px_per_cm", px_per_cm=1.5 * scale))
    assert refused.value.code == "references_disagree"


def test_corners_that_no_rectangle_has_are_no_scale() -> None:
    slanted = ((100.0, 100.0), (900.0, 100.0), (1150.0, 500.0), (350.0, 500.0))
    assert find_scale(np.full((1600, 1200, 3), 128, np.uint8), Asked("corners", corners=slanted, width_cm=20, height_cm=10)) is None


@pytest.mark.parametrize("turned", [1, -1])
def test_corners_may_go_round_either_way(turned: int) -> None:
    corners = ((200.0, 200.0), (1000.0, 200.0), (1000.0, 600.0), (200.0, 600.0))
    size = (20, 10) if turned == 1 else (10, 20)
    around = corners if turned == 1 else (corners[0], *corners[:0:-1])
    found = found_in(np.full((1600, 1200, 3), 128, np.uint8), Asked("corners", corners=around, width_cm=size[0], height_cm=size[1]))
    assert found.pixels_per_centimetre == pytest.approx(40, rel=0.01)


@pytest.mark.parametrize(("tilt", "said"), [(5, []), (33, ["tilted"]), (60, ["too_slanted"])])
def test_a_tilted_camera_is_noticed_warned_of_and_refused(tilt: int, said: list[str]) -> None:
    camera = Scenery(2).camera((tilt, tilt))
    seen = projected(np.array([[0.0, 0], [30, 0], [30, 40], [0, 40]]) - [15, 20], (0, 0), 0.1, camera)
    corners = tuple((float(x), float(y)) for x, y in seen)
    found = find_scale(np.full((1600, 1200, 3), 128, np.uint8), Asked("corners", corners=corners, width_cm=30, height_cm=40))
    assert found is not None
    assert found.plane.tilt_degrees == pytest.approx(tilt, abs=6)
    assert codes(found, list(corners)) == said
