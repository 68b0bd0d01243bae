from __future__ import annotations

import cv2
import numpy as np
import pytest

from keypoints import sheet
from keypoints.geometry import apply, definitions_for, length, mapped
from keypoints.inference.scale import find_sheet
from keypoints.training.sample_photo import SamplePhoto, sheet_picture


def test_the_sheet_gives_the_true_centimetres_of_the_true_points(photo: SamplePhoto) -> None:
    found = find_sheet(photo.picture)
    assert found is not None
    assert found.markers == (10, 11, 12, 13)
    positions = mapped(photo.points, found.scale.homography)
    for definition in definitions_for(list(positions)):
        assert length(definition, positions) == pytest.approx(photo.centimetres[definition.name], rel=0.01)


def test_two_markers_are_enough(photo: SamplePhoto) -> None:
    whole = find_sheet(photo.picture)
    assert whole is not None
    half_hidden = photo.picture.copy()
    middle = int(np.mean([y for _, y in whole.outline]))
    half_hidden[middle:] = 200
    found = find_sheet(half_hidden)
    assert found is not None
    assert found.markers == (10, 11)
    assert apply(found.scale.homography, whole.outline[1]) == pytest.approx((sheet.WIDTH_CENTIMETRES, 0), abs=0.3)


def test_one_marker_is_no_scale() -> None:
    page = np.full((800, 600, 3), 255, np.uint8)
    side = 200
    page[300:500, 200:400] = cv2.cvtColor(sheet_picture()[80 : 80 + side, 80 : 80 + side], cv2.COLOR_GRAY2RGB)
    assert find_sheet(page) is None


def test_a_sheet_that_is_too_small_is_no_scale() -> None:
    page = cv2.cvtColor(cv2.resize(sheet_picture(), (105, 148), interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2RGB)
    far_away = np.full((2000, 1500, 3), 255, np.uint8)
    far_away[900:1048, 700:805] = page
    assert find_sheet(far_away) is None


def test_markers_that_do_not_lie_as_on_the_sheet_are_no_scale() -> None:
    page = np.repeat(sheet_picture(20)[..., None], 3, axis=2)
    page[:, 210:] = np.roll(page[:, 210:], 60, axis=0)
    assert find_sheet(page) is None


def test_a_picture_without_sheet_has_no_scale() -> None:
    assert find_sheet(np.full((400, 300, 3), 128, np.uint8)) is None
