"""Measures of a selfie from its pixels and points; arithmetic alone. Sources: findings/faces.md, section 4."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CHIP_SIDE = 160  # pixels; the limits of sharpness and brightness hold for chips of this size and padding
CHIP_PADDING = 0.1
MARGIN = 20  # pixels around the chip's middle that are not face

# Nose tip, chin, outer corners of the eyes, corners of the mouth (left in the picture first): their numbers among 68, and where they lie
# in a generic head (x right, y up, z towards the camera, in units of its own).
POSE_POINTS = [30, 8, 36, 45, 48, 54]
GENERIC_HEAD = np.array([[0, 0, 0], [0, -330, -65], [-225, 170, -135], [225, 170, -135], [-150, -150, -125], [150, -150, -125]], np.float64)

# The distance of the eyes over the depth from them to the base of the nose, fitted to the yaw of 68 points on 119 faces of data/faces/dev:
# correlation 0.97, error 2.1 degrees in the median, 5.6 at the 90th percentile, 9.6 at worst.
EYES_OVER_DEPTH = 3.22


def middle_gray(chip: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The luma (ITU-R BT.601), 0..255, of the middle of a quality chip (160, 160, 3)."""
    inner = chip[MARGIN:-MARGIN, MARGIN:-MARGIN].astype(np.float64)
    gray: NDArray[np.float64] = inner @ np.array([0.299, 0.587, 0.114])
    return gray


def sharpness(gray: NDArray[np.float64]) -> float:
    """The variance of the Laplacian: good posed selfies 55 to 855 (5th to 95th percentile), blurred by 1 % of the face's width 6 to 17."""
    laplacian = gray[:-2, 1:-1] + gray[2:, 1:-1] + gray[1:-1, :-2] + gray[1:-1, 2:] - 4 * gray[1:-1, 1:-1]
    return float(laplacian.var())


def brightness(gray: NDArray[np.float64]) -> float:
    """The mean, 0..255. It follows the tone of the skin too: real good selfies go down to 56."""
    return float(gray.mean())


def over_exposure(gray: NDArray[np.float64]) -> float:
    """The share of pixels, 0..1, so bright (above 245) that they show nothing."""
    return float((gray > 245).mean())


def roll(points: NDArray[np.float64]) -> float:
    """How far the line of the eyes is turned clockwise in the picture, in degrees, -180..180."""
    left, right = eyes(points)
    x, y = right - left
    return float(np.degrees(np.arctan2(y, x)))


def yaw(points: NDArray[np.float64]) -> float:
    """How far the head is turned, in degrees; above 0 towards the right of the picture. Exact to 2 degrees of 68 points, coarser of 5."""
    return _yaw_of_68(points) if len(points) == 68 else _yaw_of_5(points)


def eyes(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The centres of the eyes, left and right in the picture."""
    if len(points) == 68:
        return points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    return points[2:4].mean(axis=0), points[0:2].mean(axis=0)


def _yaw_of_5(points: NDArray[np.float64]) -> float:
    """The base of the nose stands before the eyes, so a turn shifts it along their line by its depth times the tangent of the angle."""
    left, right = eyes(points)
    across = right - left
    shift = (points[4] - (left + right) / 2) @ across / max(float(across @ across), 1e-9)
    return float(np.degrees(np.arctan(EYES_OVER_DEPTH * shift)))


def _yaw_of_68(points: NDArray[np.float64]) -> float:
    """The turn of the generic head whose scaled orthographic projection fits six points best (least squares, then the nearest rotation)."""
    head = GENERIC_HEAD - GENERIC_HEAD.mean(axis=0)
    seen = points[POSE_POINTS] - points[POSE_POINTS].mean(axis=0)
    projection = np.linalg.lstsq(head, seen * [1, -1], rcond=None)[0]
    x, y = (column / max(float(np.linalg.norm(column)), 1e-9) for column in projection.T)
    u, _, v = np.linalg.svd(np.stack([x, y, np.cross(x, y)]))
    rotation = u @ v
    return float(np.degrees(np.arctan2(rotation[0, 2], np.hypot(rotation[0, 0], rotation[0, 1]))))
