"""A skirt's result, as the model gives it, without the model."""

from __future__ import annotations

from typing import Any

from keypoints.geometry import Homography, Point, Scale, measure
from keypoints.landmarks import CATEGORY
from keypoints.results import measurement_result, point_result, scale_result

TEN_PIXELS_A_CENTIMETRE: Homography = ((0.1, 0, 0), (0, 0.1, 0), (0, 0, 1))
HORIZON_AT_THE_TOP: Homography = ((0.1, 0, 0), (0, 0.1, 0), (0, 0.001, 0.05))
"""Fifty pixels above the picture, to be exact."""
PLACES = {
    "waist_left": (100.0, 100.0),
    "waist_middle": (200.0, 100.0),
    "waist_right": (300.0, 100.0),
    "skirt_side_left": (75.0, 350.0),
    "hem_left": (50.0, 600.0),
    "hem_middle": (200.0, 600.0),
    "hem_right": (350.0, 600.0),
    "skirt_side_right": (325.0, 350.0),
}

REFERENCE = {
    "reference": "corners",
    "tilt_degrees": None,
    "outline": [[0.0, 0.0], [210.0, 0.0], [210.0, 297.0], [0.0, 297.0]],
    "markers": [],
}


def skirt(homography: Homography | None = TEN_PIXELS_A_CENTIMETRE, confidence: float = 0.9) -> dict[str, Any]:
    assert tuple(PLACES) == CATEGORY["skirt"].points
    points = [Point(name, x, y, confidence) for name, (x, y) in PLACES.items()]
    scale = Scale(homography, (homography,)) if homography else None
    return {
        "clothing": "skirt",
        "category": "skirt",
        "seen": {"category": "skirt", "probability": 0.97, "asked": 0.97, "worn": 0.01},
        "picture": {"width": 400, "height": 700},
        "points": [point_result(point) for point in points],
        "measurements": [measurement_result(length) for length in measure(points, scale)],
        "scale": {**scale_result(scale, points), **REFERENCE} if scale else None,
        "model_version": "garments-3",
    }
