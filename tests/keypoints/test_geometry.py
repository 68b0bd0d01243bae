from __future__ import annotations

import math

import pytest

from keypoints.geometry import (
    PAPER_ERROR,
    Homography,
    Measurement,
    Point,
    Scale,
    apply,
    definitions_for,
    depth_ratio,
    length,
    measure,
    pixels_per_centimetre,
    point_error,
    scale_part,
)
from keypoints.landmarks import CATEGORIES, Category

TEN_PIXELS_A_CENTIMETRE: Homography = ((0.1, 0, 0), (0, 0.1, 0), (0, 0, 1))
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
    assert {name: measurement.pixels for name, measurement in found.items()} == {"waist_width": 200, "skirt_length": 500, "hem_width": 300}
    assert all(measurement.centimetres is None and measurement.plus_minus is None for measurement in found.values())


def test_a_scale_gives_centimetres() -> None:
    found = by_name(measure(skirt(), Scale(TEN_PIXELS_A_CENTIMETRE)))
    assert found["skirt_length"].centimetres == pytest.approx(50)
    assert found["waist_width"].pixels == 200


def test_a_length_of_both_sides_is_their_mean() -> None:
    points = {"crotch": (0.0, 0.0), "leg_left_inner": (0.0, 70.0), "leg_right_inner": (0.0, 80.0)}
    (inseam,) = definitions_for(list(points))
    assert length(inseam, points) == 75


def test_unsure_points_widen_the_plus_minus_and_are_flagged() -> None:
    sure = measure(skirt(0.9), Scale(TEN_PIXELS_A_CENTIMETRE))[0]
    unsure = measure(skirt(0.6), Scale(TEN_PIXELS_A_CENTIMETRE))[0]
    assert sure.plus_minus is not None
    assert unsure.plus_minus is not None
    assert unsure.plus_minus > 2 * sure.plus_minus
    assert unsure.estimated
    assert not sure.estimated


def test_the_plus_minus_of_a_width_is_two_points_and_the_paper() -> None:
    width = measure(skirt(0.9), Scale(TEN_PIXELS_A_CENTIMETRE))[0]
    diagonal = math.hypot(30, 50)
    of_points = 0.766 * diagonal * math.hypot(0.028, 0.028)
    assert width.plus_minus == pytest.approx(math.hypot(of_points, PAPER_ERROR * 20))


def test_scales_that_disagree_widen_the_plus_minus() -> None:
    alone = measure(skirt(), Scale(TEN_PIXELS_A_CENTIMETRE))[0]
    doubted = measure(skirt(), Scale(TEN_PIXELS_A_CENTIMETRE, alternatives=(ELEVEN_PIXELS_A_CENTIMETRE,)))[0]
    assert alone.plus_minus is not None
    assert doubted.plus_minus is not None
    assert doubted.plus_minus > alone.plus_minus


def test_the_scale_part_adds_spread_and_paper_in_squares() -> None:
    assert scale_part(50, [51, 49]) == pytest.approx(math.hypot(1.645, 0.5))
    assert scale_part(50, []) == pytest.approx(0.5)


@pytest.mark.parametrize(("confidence", "error"), [(1.0, 0.028), (0.85, 0.028), (0.84, 0.06), (0.5, 0.15), (0.0, 0.24)])
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
        if definition.approximate
    }
    dresses = {(category.name, "waist_width") for category in CATEGORIES if category.name.endswith("dress")}
    assert approximate == dresses | {("trousers", "hip_width")}
