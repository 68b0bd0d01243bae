"""What is known of a picture, as arrays over the 69 points and the 14 kinds: the form that shards hold and training reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from keypoints.geometry import Position
from keypoints.landmarks import KINDS, NO_GARMENT, POINTS, Category, Visibility
from keypoints.training.scenes import Scene

UNASKED = 255
"""In `presence`: the category has no such point, or nobody knows."""
PRESENCES = tuple(Visibility)
VISIBLE, HIDDEN, ABSENT = range(3)
"""Places in `PRESENCES`."""
UNKNOWN = 255
"""In `worn`: nobody looked."""


@dataclass(frozen=True)
class Labels:
    """`positions` (69, 2) in pixels; `presence` (69,) places in `PRESENCES` or UNASKED; `kinds` (14,): what it may show.

    `worn`: 0, 1 or UNKNOWN.
    """

    positions: npt.NDArray[np.float32]
    presence: npt.NDArray[np.uint8]
    kinds: npt.NDArray[np.bool_]
    worn: int


def labels_of(scene: Scene) -> Labels:
    positions, presence = np.zeros((len(POINTS), 2), np.float32), np.full(len(POINTS), UNASKED, np.uint8)
    for name, position in scene.positions.items():
        positions[POINTS.index(name)] = position
        presence[POINTS.index(name)] = PRESENCES.index(scene.presence[name])
    return Labels(positions, presence, np.array([kind == scene.recipe.category for kind in KINDS]), int(scene.recipe.way == "worn"))


def people_labels(category: Category | None, points: Mapping[str, Position]) -> Labels:
    """A photo on which people have put these points, of this category; of the others nobody knows anything. None: no garment."""
    positions, presence = np.zeros((len(POINTS), 2), np.float32), np.full(len(POINTS), UNASKED, np.uint8)
    for name, position in points.items():
        positions[POINTS.index(name)] = position
        presence[POINTS.index(name)] = VISIBLE
    shown = category.name if category else NO_GARMENT
    return Labels(positions, presence, np.array([kind == shown for kind in KINDS]), UNKNOWN)


def photo_labels(kinds: npt.NDArray[np.bool_]) -> Labels:
    """A photo of which only the class is known."""
    return Labels(np.zeros((len(POINTS), 2), np.float32), np.full(len(POINTS), UNASKED, np.uint8), kinds, UNKNOWN)
