"""Which part of a picture the network looks at: matrices from the picture to its input, and the pixels cut out by them."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Picture = npt.NDArray[np.uint8]
"""RGB, (height, width, 3)."""
Matrix = npt.NDArray[np.float64]

LONGEST_SIDE = 2048
"""Pixels of the picture the model works on: enough to read the scale sheet's markers, and half of a phone's 4032."""
POINTS_SIDE = 1024
"""Enough to find points alone: three times what the network takes, also of a garment that fills half of the picture."""
WIDTH, HEIGHT = 192, 256
"""The network's input in pixels, as it was trained and as it sees the whole picture."""
CLOSER_WIDTH, CLOSER_HEIGHT = 240, 320
"""The closer view's. The network is convolutional and takes any size; finer pixels make points finer. (With 192x256 there, PCK@.02 on
data/garments/dev is .783 instead of .816, chest width on 130 of the prototype's scenes 1.07 cm off in the median instead of .72.)"""
MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32) * 255
"""ImageNet's, in RGB; the network was trained with them."""
GREY = (124, 124, 124)
HALF: Matrix = np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]])
"""From a halved picture back: its edges stay in place, not the centre of its first pixel."""

MARGIN = 1.22
"""The closer view shows the box of the points, enlarged by this factor."""
MAX_ZOOM = 2.2
"""Nor is it more than this many times as large as the first."""
FINE = 2.0
"""A view is cut out of pixels that are at least so many times finer."""


def whole_view(picture: Picture) -> Matrix:
    """The 2x3 matrix that fits the whole picture, centred, into the network's input."""
    height, width = picture.shape[:2]
    return _view(min(WIDTH / width, HEIGHT / height), np.array([width, height]) / 2, (WIDTH, HEIGHT))


def closer_view(positions: Matrix, view: Matrix) -> Matrix | None:
    """The matrix that fits the box of these positions (count, 2) into the closer view; None where fewer than four of them tell where the
    garment is."""
    if len(positions) < 4:
        return None
    low, high = positions.min(axis=0), positions.max(axis=0)
    width, height = np.maximum(high - low, 20) * MARGIN
    scale = min(CLOSER_WIDTH / width, CLOSER_HEIGHT / height, view[0, 0] * MAX_ZOOM * CLOSER_WIDTH / WIDTH)
    return _view(scale, (low + high) / 2, (CLOSER_WIDTH, CLOSER_HEIGHT))


def _view(scale: float, centre: Matrix, size: tuple[int, int]) -> Matrix:
    offset = np.array(size) / 2 - scale * centre
    return np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])


def cut(picture: Picture, view: Matrix, size: tuple[int, int], ground: tuple[int, int, int]) -> Picture:
    """The view of the picture, this wide and high, on this ground.

    Far smaller views are averaged first, as warping alone would skip pixels and show false patterns.
    """
    while 2 * FINE * view[0, 0] <= 1 and min(picture.shape[:2]) > 1:
        picture, view = halved(picture), view @ HALF
    seen = cv2.warpAffine(picture, view, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=ground)
    return seen.astype(np.uint8, copy=False)


def halved(picture: Picture) -> Picture:
    """Two by two pixels as one, for which OpenCV is several times faster than for any other number; what is left over goes."""
    height, width = (length // 2 for length in picture.shape[:2])
    return cv2.resize(picture[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def normalised(seen: Picture) -> Tensor:
    """A batch of one."""
    values = (seen - MEAN) / DEVIATION
    return torch.from_numpy(values.transpose(2, 0, 1)[None].copy())
