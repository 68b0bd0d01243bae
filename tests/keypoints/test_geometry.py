from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keypoints.geometry import (
    DEFINITIONS,
    PAPER_ERROR,
    Homography,
    Measurement,
    Point,
    Position,
    Scale,
    apply,
    definitions_for,
    depth_ratio,
    length,
    measure,
    nearest,
    pixels_per_centimetre,
    point_error,
    quality,
    scale_part,
)
from keypoints.landmarks import CATEGORIES, Category, Visibility
from tests.keypoints.results import TEN_PIXELS_A_CENTIMETRE

ELEVEN_PIXELS_A_CENTIMETRE: Homography = ((1 / 11, 0, 0), (0, 1 / 11, 0), (0, 0, 1))
FARTHER_TO_THE_RIGHT: Homography = ((0.1, 0, 0), (0, 0.1, 0), (-0.0005, 0, 1))

SKIRT = {
    "waist_left": (100.0, 100.0),
    "waist_middle": (200.0, 100.0),
    "waist_right": (300.0, 100.0),
    "hem_left": (50.0, 600.0),
    "hem_middle": (200.0, 600.0),
    "hem_right": (350.0, 600.0),
}


def skirt(confidence: float = 0.9) -> list[Point]:
    return [Point(name, x, y, confidence) for name, (x, y) in SKIRT.items()]


def by_name(measurements: list[Measurement]) -> dict[str, Measurement]:
    return {measurement.definition.name: measurement for measurement in measurements}


def test_lengths_are_in_pixels_without_a_scale() -> None:
    found = by_name(measure(skirt(), scale=None))
    lengths = {name: measurement.pixels for name, measurement in found.items()}
    assert lengths == {"waist_width": 200, "skirt_length": 500, "hem_width": 300, "waist_girth": 400}
    assert all(measurement.centimetres is None and measurement.plus_minus is None for measurement in found.values())


def test_a_scale_gives_centimetres() -> None:
    found = by_name(measure(skirt(), Scale(TEN_PIXELS_A_CENTIMETRE)))
    assert found["skirt_length"].centimetres == pytest.approx(50)
    assert found["waist_width"].pixels == 200


def test_a_length_of_both_sides_is_their_mean() -> None:
    points = {"crotch": (0.0, 0.0), "leg_left_inner": (0.0, 70.0), "leg_right_inner": (0.0, 80.0)}
    (inseam,) = definitions_for(list(points))
    assert length(inseam, points) == 75


def named(name: str, points: list[Point], scale: Scale | None = None) -> Measurement:
    return by_name(measure(points, scale))[name]


def test_unsure_points_widen_the_plus_minus_and_are_to_be_checked() -> None:
    sure = named("skirt_length", skirt(0.9), Scale(TEN_PIXELS_A_CENTIMETRE))
    unsure = named("skirt_length", skirt(0.6), Scale(TEN_PIXELS_A_CENTIMETRE))
    assert sure.plus_minus is not None
    assert unsure.plus_minus is not None
    assert unsure.plus_minus > 2 * sure.plus_minus
    assert (sure.quality, unsure.quality) == ("ok", "check")


def test_the_plus_minus_of_a_width_is_two_points_and_the_paper() -> None:
    width = named("waist_width", skirt(0.9), Scale(TEN_PIXELS_A_CENTIMETRE))
    diagonal = math.hypot(30, 50)
    of_points = 0.766 * diagonal * math.hypot(0.028, 0.028)
    assert width.plus_minus == pytest.approx(math.hypot(of_points, PAPER_ERROR * 20))


def test_of_an_absent_point_there_is_no_number() -> None:
    points = [replace(point, visibility=Visibility.ABSENT) if point.name == "hem_left" else point for point in skirt()]
    found = by_name(measure(points, Scale(TEN_PIXELS_A_CENTIMETRE)))
    for name in ("hem_width", "skirt_length"):
        assert (found[name].pixels, found[name].centimetres, found[name].plus_minus, found[name].quality) == (None, None, None, "rejected")
    assert found["waist_width"].centimetres == pytest.approx(20)


@pytest.mark.parametrize(
    ("relative", "confidence", "visibility", "sure", "expected"),
    [
        (0.05, 0.9, Visibility.VISIBLE, True, "ok"),
        (0.20, 0.9, Visibility.VISIBLE, True, "check"),
        (0.05, 0.6, Visibility.VISIBLE, True, "check"),
        (0.05, 0.9, Visibility.HIDDEN, True, "check"),
        (0.05, 0.9, Visibility.VISIBLE, False, "check"),
        (0.40, 0.9, Visibility.VISIBLE, True, "rejected"),
        (0.05, 0.4, Visibility.VISIBLE, True, "rejected"),
    ],
)
def test_the_quality_is_that_of_the_worst(relative: float, confidence: float, visibility: Visibility, sure: bool, expected: str) -> None:
    assert quality(relative, [Point("hem_left", 0, 0, 1.0), Point("hem_right", 0, 0, confidence, visibility)], sure=sure) == expected


def test_an_assumed_perspective_is_to_be_checked() -> None:
    assert named("skirt_length", skirt(), Scale(TEN_PIXELS_A_CENTIMETRE, measured=False)).quality == "check"


def test_a_girth_is_twice_the_width_and_says_so() -> None:
    found = by_name(measure(skirt(), Scale(TEN_PIXELS_A_CENTIMETRE)))
    width, girth = found["waist_width"], found["waist_girth"]
    assert girth.definition.derived
    assert not width.definition.derived
    assert girth.definition.taken == "twice_waist_corner_to_waist_corner"
    assert girth.centimetres == pytest.approx(40)
    assert girth.plus_minus == pytest.approx(2 * (width.plus_minus or 0))


def test_a_thigh_is_as_wide_as_from_the_crotch_to_the_nearest_place_of_the_outer_side() -> None:
    left = {"waist_left": (0.0, 0.0), "shorts_side_left": (0.0, 50.0), "leg_left_outer": (0.0, 80.0)}
    points = {
        **left,
        "waist_right": (60.0, 0.0),
        "shorts_side_right": (60.0, 50.0),
        "leg_right_outer": (60.0, 80.0),
        "crotch": (30.0, 40.0),
    }
    (thigh,) = [definition for definition in definitions_for(points) if definition.name == "thigh_width"]
    assert length(thigh, points) == pytest.approx(30)
    assert thigh.approximate


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=2, max_size=5),
    st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
    st.floats(0, 1),
)
def test_no_place_of_a_path_is_nearer_than_the_nearest(path: list[Position], position: Position, share: float) -> None:
    found = math.dist(position, nearest(position, path))
    for (x, y), (end_x, end_y) in pairwise(path):
        assert found <= math.dist(position, (x + share * (end_x - x), y + share * (end_y - y))) + 1e-6


def test_scales_that_disagree_widen_the_plus_minus() -> None:
    alone = named("skirt_length", skirt(), Scale(TEN_PIXELS_A_CENTIMETRE))
    doubted = named("skirt_length", skirt(), Scale(TEN_PIXELS_A_CENTIMETRE, alternatives=(ELEVEN_PIXELS_A_CENTIMETRE,)))
    assert alone.plus_minus is not None
    assert doubted.plus_minus is not None
    assert doubted.plus_minus > alone.plus_minus


def test_the_scale_part_adds_spread_and_paper_in_squares() -> None:
    assert scale_part(50, [51, 49]) == pytest.approx(math.hypot(1.645, 0.5))
    assert scale_part(50, []) == pytest.approx(0.5)


@pytest.mark.parametrize(("confidence", "error"), [(1.0, 0.016), (0.9496, 0.016), (0.94, 0.028), (0.84, 0.053), (0.5, 0.13), (0.0, 0.3)])
def test_a_point_errs_by_its_confidence(confidence: float, error: float) -> None:
    assert point_error(confidence) == error


def test_a_homography_divides_by_its_third_row() -> None:
    assert apply(FARTHER_TO_THE_RIGHT, (1000, 500)) == pytest.approx((200, 100))


@pytest.mark.parametrize(("homography", "expected"), [(TEN_PIXELS_A_CENTIMETRE, 10), (ELEVEN_PIXELS_A_CENTIMETRE, 11)])
def test_the_local_scale_is_that_of_the_homography(homography: Homography, expected: float) -> None:
    assert pixels_per_centimetre(homography, (300, 200)) == pytest.approx(expected)


def test_perspective_has_a_depth_and_a_horizon() -> None:
    assert depth_ratio(TEN_PIXELS_A_CENTIMETRE, [(0, 0), (1000, 0)]) == 1
    assert depth_ratio(FARTHER_TO_THE_RIGHT, [(0, 0), (1000, 0)]) == pytest.approx(2)
    assert depth_ratio(FARTHER_TO_THE_RIGHT, [(0, 0), (2500, 0)]) == math.inf


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda category: category.name)
def test_every_category_has_at_least_three_measurements_of_different_names(category: Category) -> None:
    names = [definition.name for definition in definitions_for(category.points)]
    assert len(names) == len(set(names)) >= 3


def test_only_points_without_seam_or_edge_are_approximate() -> None:
    approximate = {
        (category.name, definition.name)
        for category in CATEGORIES
        for definition in definitions_for(category.points)
        if definition.approximate and not definition.derived
    }
    dresses = {(category.name, "waist_width") for category in CATEGORIES if category.name.endswith("dress")}
    assert approximate == dresses | {("trousers", "hip_width"), ("trousers", "thigh_width"), ("shorts", "thigh_width")}


def test_the_names_are_those_that_sellers_know() -> None:
    names = {definition.name for category in CATEGORIES for definition in definitions_for(category.points)}
    widths = {"chest_width", "shoulder_width", "waist_width", "hip_width", "thigh_width", "hem_width", "cuff_width", "neck_width"}
    lengths = {"sleeve_length", "body_length", "skirt_length", "dress_length", "front_rise", "inseam", "outseam", "leg_opening"}
    assert names == widths | lengths | {"chest_girth", "waist_girth", "hip_girth", "thigh_girth"}


def test_a_definition_says_where_it_is_taken_and_is_taken_nowhere_else() -> None:
    places: dict[str, set[tuple[str, ...]]] = {}
    for definition in DEFINITIONS:
        places.setdefault(f"{definition.name}: {definition.taken}", set()).add(tuple(line.start[0] for line in definition.lines))
    assert all(len(starts) == 1 for starts in places.values())
