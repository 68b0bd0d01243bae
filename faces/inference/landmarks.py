"""Points of a face, and the face cut out and set upright by them."""

from __future__ import annotations

from typing import Any

import dlib
import numpy as np
from numpy.typing import NDArray

from faces.inference.boxes import Box
from faces.inference.weights import landmarks_file


class Landmarks:
    """dlib's landmark model with 5 points (public domain) or 68 (not for commercial use); only the chosen file is opened."""

    def __init__(self, points: int, predictor: Any = None) -> None:
        self.count = points
        self.predictor = predictor or dlib.shape_predictor(str(landmarks_file(points)))

    def find(self, pixels: NDArray[np.uint8], box: Box) -> Shape:
        """The points of the face in `box`; `pixels` is the whole picture (height, width, 3), RGB."""
        left, top = round(box.left), round(box.top)
        rectangle = dlib.rectangle(left, top, left + round(box.width) - 1, top + round(box.height) - 1)
        return Shape(pixels, self.predictor(pixels, rectangle))


class Shape:
    """The points found in one face: (5 or 68, 2), x and y in pixels of its picture."""

    def __init__(self, pixels: NDArray[np.uint8], shape: Any) -> None:
        self.pixels = pixels
        self.shape = shape
        self.points: NDArray[np.float64] = np.array([(point.x, point.y) for point in shape.parts()], np.float64)

    def chip(self, side: int, padding: float) -> NDArray[np.uint8]:
        """The face upright in a square (side, side, 3); `padding` is added around it, as a share of the face."""
        chip: NDArray[np.uint8] = dlib.get_face_chip(self.pixels, self.shape, side, padding)
        return chip
