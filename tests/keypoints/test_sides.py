from __future__ import annotations

import numpy as np
import pytest

from keypoints.geometry import Point
from keypoints.inference.sides import along, settled
from keypoints.landmarks import CATEGORY, Visibility


def straight(category: str, *, side: str = "left", x: float = 10.0) -> list[Point]:
    """A side that runs straight down from (x, 0) to (x, 100), its points evenly spread."""
    names = [name for name in CATEGORY[category].points if name.startswith(f"dress_side_{side}")]
    names = [f"armpit_{side}", *sorted(names), f"hem_{side}"]
    return [Point(name, x, 100 * number / (len(names) - 1), 0.9) for number, name in enumerate(names)]


def heights(points: list[Point]) -> list[float]:
    return [round(point.y, 6) for point in points if "dress" in point.name]


def test_a_dress_with_sleeves_has_four_points_at_their_shares_of_each_side() -> None:
    assert heights(settled(straight("short_sleeve_dress"))) == [6, 18, 36, 68]
    assert heights(settled(straight("long_sleeve_dress", side="right"))) == [6, 18, 36, 68]


def test_a_dress_without_has_three() -> None:
    assert heights(settled(straight("vest_dress"))) == [16, 36, 68]


def test_a_point_moves_along_the_side_and_not_across_it() -> None:
    leaning = [Point(point.name, point.y / 2, point.y, 0.9) for point in straight("sling_dress")]
    assert all(point.x == pytest.approx(point.y / 2) for point in settled(leaning))


@pytest.mark.parametrize("name", ["armpit_left", "dress_side_left_3", "hem_left"])
def test_a_side_that_is_not_all_seen_stays_as_it_is(name: str) -> None:
    seen = straight("vest_dress")
    unsure = [Point(p.name, p.x, p.y, 0.1) if p.name == name else p for p in seen]
    absent = [Point(p.name, p.x, p.y, 0.9, Visibility.ABSENT) if p.name == name else p for p in seen]
    without = [p for p in seen if p.name != name]
    for points in (unsure, absent, without):
        assert settled(points) == points


def test_other_garments_stay_as_they_are() -> None:
    points = [Point(name, 1.0, 2.0, 0.9) for name in CATEGORY["long_sleeve_top"].points]
    assert settled(points) == points


def test_a_side_without_length_is_one_place() -> None:
    assert along(np.zeros((3, 2)), 0.4).tolist() == [0, 0]
