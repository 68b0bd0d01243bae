from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from faces.inference import quality

FRONTAL = np.array([[80, 50], [60, 50], [20, 50], [40, 50], [50, 75]], np.float64)  # eye on the right, eye on the left, nose


def turned(points: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    """Turned clockwise in the picture, whose y points down."""
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned: NDArray[np.float64] = points @ matrix
    return turned


def projected(yaw: float) -> NDArray[np.float64]:
    """68 points of which those of the generic head are seen from afar, turned by `yaw` degrees to the right of the picture."""
    angle = np.radians(yaw)
    head = quality.GENERIC_HEAD
    points = np.zeros((68, 2))
    points[quality.POSE_POINTS] = np.stack([head[:, 0] * np.cos(angle) + head[:, 2] * np.sin(angle), -head[:, 1]], axis=1)
    return points


@pytest.mark.parametrize("degrees", [-40, 0, 25])
def test_roll_is_the_turn_of_the_eyes_line(degrees: float) -> None:
    assert quality.roll(turned(FRONTAL, degrees)) == pytest.approx(degrees)


@pytest.mark.parametrize("degrees", [-30, 0, 30])
def test_yaw_does_not_change_with_roll(degrees: float) -> None:
    assert quality.yaw(turned(FRONTAL, degrees)) == pytest.approx(0, abs=1e-6)


def test_a_nose_to_the_right_is_a_head_turned_to_the_right() -> None:
    shifted = FRONTAL + np.array([[0, 0], [0, 0], [0, 0], [0, 0], [8, 0]])
    assert quality.yaw(shifted) == pytest.approx(np.degrees(np.arctan(quality.EYES_OVER_DEPTH * 8 / 40)))


@pytest.mark.parametrize("degrees", [-35, -10, 0, 20, 45])
def test_yaw_of_68_points_is_that_of_the_head(degrees: float) -> None:
    assert quality.yaw(projected(degrees)) == pytest.approx(degrees, abs=0.1)


def test_points_that_fall_together_give_a_number() -> None:
    assert np.isfinite(quality.yaw(np.zeros((5, 2)))) and np.isfinite(quality.yaw(np.zeros((68, 2))))


def test_measures_of_plain_and_striped_chips() -> None:
    white = quality.middle_gray(np.full((160, 160, 3), 255, np.uint8))
    striped = np.zeros((160, 160, 3), np.uint8)
    striped[::2] = 200
    stripes = quality.middle_gray(striped)
    assert (quality.brightness(white), quality.over_exposure(white), quality.sharpness(white)) == pytest.approx((255, 1, 0))
    assert (quality.brightness(stripes), quality.over_exposure(stripes)) == pytest.approx((100, 0))
    assert quality.sharpness(stripes) > 10_000
