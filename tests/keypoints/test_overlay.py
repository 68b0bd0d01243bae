from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from keypoints.geometry import Definition, Line, Measurement, Point, measure
from keypoints.inference.overlay import draw_overlay
from keypoints.labels import label
from keypoints.landmarks import Visibility

CHEST = Definition("chest_width", "armpit_to_armpit", (Line(("armpit_left",), ("armpit_right",)),))
HIP = Definition("hip_width", "side_to_side", (Line(("hip_left",), ("hip_right",)),), approximate=True)


@pytest.mark.parametrize(
    ("measurement", "text"),
    [
        (Measurement(CHEST, 512.4, None, None, "ok"), "chest width 512 px"),
        (Measurement(CHEST, 512.4, 49.44, 3.06, "ok"), "chest width 49.4 ± 3.1 cm"),
        (Measurement(HIP, 512.4, 51.0, 4.2, "check"), "~ hip width 51.0 ± 4.2 cm"),
    ],
)
def test_a_label_says_what_is_known(measurement: Measurement, text: str) -> None:
    assert label(measurement) == text


@pytest.mark.parametrize("size", [(40, 30), (400, 300), (3000, 20)])
def test_pictures_of_any_size_and_points_outside_them_are_drawn(size: tuple[int, int]) -> None:
    points = [Point("armpit_left", -1e6, 5, 0.9), Point("armpit_right", 1e6, 10, 0.1)]
    picture = np.full((*size, 3), 200, np.uint8)
    overlay = Image.open(draw_overlay(picture, points, measure(points, None), None))
    assert max(overlay.size) <= 1400


def test_an_absent_point_is_not_drawn_nor_is_what_it_ends() -> None:
    picture = np.full((300, 300, 3), 200, np.uint8)
    points = [Point("armpit_left", 50, 50, 0.9, Visibility.ABSENT), Point("armpit_right", 250, 50, 0.9, Visibility.ABSENT)]
    overlay = np.asarray(Image.open(draw_overlay(picture, points, measure(points, None), None)))
    assert (np.abs(overlay.astype(int) - 200) < 3).all()


def test_the_picture_itself_is_left_as_it_was() -> None:
    picture = np.full((300, 300, 3), 200, np.uint8)
    points = [Point("armpit_left", 50, 50, 0.9), Point("armpit_right", 250, 50, 0.9)]
    draw_overlay(picture, points, measure(points, None), None)
    assert (picture == 200).all()
