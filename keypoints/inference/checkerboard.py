"""The 5 x 5 checkerboard of the old app, which lies on the garment."""

from __future__ import annotations

import cv2
import numpy as np

from keypoints.inference.crops import Matrix, Picture
from keypoints.inference.pose import Corners

INNER = 4
"""Inner corners along a side."""
CORNER_NOISE = 0.3
LEAST_CONTRAST = 40
"""Between the mean of the board's white and black squares, of 255."""
FLAGS = cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_EXHAUSTIVE  # CALIB_CB_ACCURACY takes four times as long


def find_checkerboard(picture: Picture, square: float) -> Corners | None:
    """Its inner corners; `square` is the side of one square in centimetres. The board has no top: lengths do not need one."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    found, places = cv2.findChessboardCornersSB(grey, (INNER, INNER), flags=FLAGS)
    if not found:
        return None
    pixels = np.asarray(places, dtype=np.float64).reshape(INNER * INNER, 2)
    rows, columns = np.divmod(np.arange(INNER * INNER), INNER)
    centimetres = np.column_stack([columns, rows]) * square
    corners = Corners(pixels, centimetres, (picture.shape[1], picture.shape[0]), CORNER_NOISE)
    return corners if alternates(np.asarray(grey, dtype=np.uint8), pixels) else None


def alternates(grey: Picture, pixels: Matrix) -> bool:
    """Whether the nine inner squares are dark and light in turn."""
    grid = pixels.reshape(INNER, INNER, 2)
    centres = (grid[:-1, :-1] + grid[1:, :-1] + grid[:-1, 1:] + grid[1:, 1:]) / 4
    places = centres.astype(np.float32)
    shades = cv2.remap(grey, places[..., 0], places[..., 1], cv2.INTER_LINEAR).astype(np.float64)
    even = np.add.outer(np.arange(INNER - 1), np.arange(INNER - 1)) % 2 == 0
    light, dark = (shades[even], shades[~even]) if shades[even].mean() > shades[~even].mean() else (shades[~even], shades[even])
    return bool(light.min() - dark.max() > LEAST_CONTRAST / 2 and light.mean() - dark.mean() > LEAST_CONTRAST)
