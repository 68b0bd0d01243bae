"""Finding the printed scale sheet in a picture, and how its plane maps to centimetres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from keypoints import sheet
from keypoints.geometry import Homography, Position, Scale, apply, pixels_per_centimetre
from keypoints.inference.points import Matrix, Picture

FEWEST_MARKERS = 2
"""Two of the four still span the sheet's width or length."""
SMALLEST_SPAN = 0.08
"""Share of the picture's long side that the markers must span: less cannot carry a homography across a garment
(findings/garments.md, section 2)."""
LARGEST_MISFIT = 0.15
"""Centimetres, root mean square: corners farther than this from where the sheet has them mean a bent sheet or a wrong marker."""
CORNER_NOISE = 0.3
"""Pixels, standard deviation of a marker's corner (findings/garments.md, section 2)."""
ALTERNATIVES = 32


@dataclass(frozen=True)
class FoundSheet:
    """A scale sheet in a picture: the scale it gives, which markers were seen, and its outline in pixels."""

    scale: Scale
    markers: tuple[int, ...]
    outline: tuple[Position, ...]
    pixels_per_centimetre: float


def find_sheet(picture: Picture) -> FoundSheet | None:
    """The sheet in this picture; None where fewer than two markers are seen, it is too small, or its corners do not fit a flat sheet."""
    seen = _markers(picture)
    if len(seen) < FEWEST_MARKERS:
        return None
    pixels = np.vstack(list(seen.values()))
    if np.ptp(pixels, axis=0).max() < SMALLEST_SPAN * max(picture.shape[:2]):
        return None
    centimetres = np.vstack([np.array(sheet.corners(marker)) for marker in seen])
    homography = _homography(pixels, centimetres)
    if homography is None or _misfit(homography, pixels, centimetres) > LARGEST_MISFIT:
        return None
    return _found(homography, pixels, centimetres, tuple(sorted(seen)))


def _markers(picture: Picture) -> dict[int, Matrix]:
    """The sheet's markers in the picture: id -> corners (4, 2) in pixels. An id that is seen twice is left out: one of the two is wrong."""
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, sheet.DICTIONARY))
    found, ids, _ = cv2.aruco.ArucoDetector(dictionary, parameters).detectMarkers(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    numbers = [int(number) for number in np.ravel(ids)] if found else []
    return {
        number: np.asarray(corners, dtype=np.float64).reshape(4, 2)
        for number, corners in zip(numbers, found, strict=True)
        if number in sheet.MARKERS and numbers.count(number) == 1
    }


def _homography(pixels: Matrix, centimetres: Matrix) -> Matrix | None:
    matrix: Any = cv2.findHomography(pixels, centimetres, 0)[0]  # None for corners in a line, which its stub does not say
    return None if matrix is None else np.asarray(matrix, dtype=np.float64)


def _misfit(homography: Matrix, pixels: Matrix, centimetres: Matrix) -> float:
    mapped = cv2.perspectiveTransform(pixels[None], homography)[0]
    return float(np.sqrt(np.mean(np.sum((mapped - centimetres) ** 2, axis=1))))


def _found(homography: Matrix, pixels: Matrix, centimetres: Matrix, markers: tuple[int, ...]) -> FoundSheet:
    back = _rows(np.asarray(np.linalg.inv(homography), dtype=np.float64))
    right, bottom = sheet.WIDTH_CENTIMETRES, sheet.HEIGHT_CENTIMETRES
    middle = apply(back, (right / 2, bottom / 2))
    return FoundSheet(
        scale=Scale(_rows(homography), _alternatives(pixels, centimetres)),
        markers=markers,
        outline=tuple(apply(back, corner) for corner in ((0, 0), (right, 0), (right, bottom), (0, bottom))),
        pixels_per_centimetre=pixels_per_centimetre(_rows(homography), middle),
    )


def _alternatives(pixels: Matrix, centimetres: Matrix) -> tuple[Homography, ...]:
    """The homographies of corners that are off by CORNER_NOISE; the same ones for the same picture."""
    noise = np.random.default_rng(0).normal(0, CORNER_NOISE, (ALTERNATIVES, *pixels.shape))
    matrices = [_homography(pixels + shift, centimetres) for shift in noise]
    return tuple(_rows(matrix) for matrix in matrices if matrix is not None)


def _rows(matrix: Matrix) -> Homography:
    first, second, third = matrix.tolist()
    return tuple(first), tuple(second), tuple(third)
