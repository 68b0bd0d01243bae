"""ArUco markers in a picture: those of a printed sheet, or one of a known size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from keypoints import sheet
from keypoints.inference.crops import Matrix, Picture
from keypoints.inference.pose import Corners

CORNER_NOISE = 0.3
"""Pixels, standard deviation of a marker's corner (findings/garments.md, section 2)."""
FEWEST_MARKERS = 2
"""Of a sheet: one alone may be part of anything."""
LARGE_TOO = 0.6
"""A marker with sides at least this share of the largest one's may be the one that was meant as well."""


@dataclass(frozen=True)
class Markers:
    """Markers that were seen, as one reference."""

    numbers: tuple[int, ...]
    corners: Corners


@cache
def detector() -> cv2.aruco.ArucoDetector:
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    return cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, sheet.DICTIONARY)), parameters)


def all_markers(picture: Picture) -> list[tuple[int, Matrix]]:
    """Id and corners (4, 2) in pixels of every marker of the dictionary."""
    found, ids, _ = detector().detectMarkers(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    numbers = [int(number) for number in np.ravel(ids)] if found else []
    return [(number, np.asarray(corners, dtype=np.float64).reshape(4, 2)) for number, corners in zip(numbers, found, strict=True)]


def sheets(seen: list[tuple[int, Matrix]], picture: tuple[int, int]) -> list[tuple[sheet.Sheet, Markers]]:
    """The printed sheets of which at least two markers were seen. An id that is seen twice is left out: one of the two is wrong."""
    numbers = [number for number, _ in seen]
    once = {number: corners for number, corners in seen if numbers.count(number) == 1}
    found = []
    for paper in sheet.SHEETS.values():
        ours = sorted(number for number in once if number in paper.markers)
        if len(ours) >= FEWEST_MARKERS:
            centimetres = np.vstack([np.array(paper.corners(number)) for number in ours])
            corners = Corners(np.vstack([once[number] for number in ours]), centimetres, picture, CORNER_NOISE)
            found.append((paper, Markers(tuple(ours), corners)))
    return found


def single(seen: list[tuple[int, Matrix]], side: float, picture: tuple[int, int]) -> list[Markers]:
    """The markers that may be the one with this side in centimetres: the largest one, and others about as large."""
    square = np.array([[0, 0], [side, 0], [side, side], [0, side]])
    largest = max((_side(corners) for _, corners in seen), default=0.0)
    return [
        Markers((number,), Corners(corners, square, picture, CORNER_NOISE))
        for number, corners in seen
        if _side(corners) >= LARGE_TOO * largest
    ]


def _side(corners: Matrix) -> float:
    return float(np.mean(np.hypot(*(corners - np.roll(corners, 1, axis=0)).T)))
