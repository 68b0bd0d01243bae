"""From a picture to what it shows: which garment, worn or not, where its points are and which of them can be seen.

For networks that are a `GarmentReader`; the looks are those of `keypoints.inference.points`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from keypoints.geometry import Point
from keypoints.inference.network import GarmentReader, Levels, decode
from keypoints.inference.points import (
    GREY,
    HEIGHT,
    PARTNERS,
    SEEN,
    WIDTH,
    Matrix,
    Picture,
    closer_view,
    cut,
    normalised,
    whole_view,
)
from keypoints.landmarks import CATEGORIES, KINDS, POINTS, Category, Presence


@dataclass(frozen=True)
class Garment:
    """`points` and `presence` in the category's order. `kinds`: the probability of each of `KINDS`; `worn`: that it is on a body.

    Neither depends on the category: a category of which `kinds` says little is probably wrong.
    """

    category: Category
    points: list[Point]
    presence: list[Presence]
    kinds: Mapping[str, float]
    worn: float


@torch.inference_mode()
def read_garment(network: GarmentReader, picture: Picture, category: Category | None = None) -> Garment:
    """The garment as one of this category; without one, as one of the likeliest."""
    view = whole_view(picture)
    levels = _seen(network, picture, view)
    kinds, worn = _judged(network, levels)
    chosen = category or CATEGORIES[int(np.argmax([kinds[other.name] for other in CATEGORIES]))]
    positions, confidences, presence = _read(network, levels, chosen, view)
    closer = closer_view(positions[confidences > SEEN], view)
    if closer is not None:
        positions, confidences, again = _read(network, _seen(network, picture, closer), chosen, closer)
        presence = (presence + again) / 2
    found = zip(chosen.points, positions, confidences, strict=True)
    points = [Point(name, float(x), float(y), float(confidence)) for name, (x, y), confidence in found]
    return Garment(chosen, points, [tuple(Presence)[number] for number in presence.argmax(axis=1)], kinds, worn)


@torch.inference_mode()
def read_kinds(network: GarmentReader, picture: Picture) -> tuple[dict[str, float], float]:
    """`Garment.kinds` and `Garment.worn` alone, in a quarter of the time."""
    return _judged(network, _seen(network, picture, whole_view(picture)))


def _seen(network: GarmentReader, picture: Picture, view: Matrix) -> Levels:
    """Of the view and its mirror image."""
    pixels = normalised(cut(picture, view, (WIDTH, HEIGHT), GREY))
    return network.encode(torch.cat([pixels, pixels.flip(-1)]))


def _judged(network: GarmentReader, levels: Levels) -> tuple[dict[str, float], float]:
    kind, worn = network.judge(levels)
    probability = kind.softmax(-1).mean(0)
    return dict(zip(KINDS, probability.tolist(), strict=True)), float(worn.sigmoid().mean())


def _read(network: GarmentReader, levels: Levels, category: Category, view: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Of the category's points: positions (count, 2) in the picture, confidences (count,), probabilities of `Presence` (count, 3)."""
    number = CATEGORIES.index(category)
    reading = network.read(levels, torch.tensor([number, number]))
    positions, confidences = decode(_unmirrored(reading.heatmaps, flip=True))
    presence = _unmirrored(reading.presence.softmax(-1), flip=False)
    channels = [POINTS.index(point) for point in category.points]
    in_view, sure, seen = (values[0, channels].double().numpy() for values in (positions, confidences, presence))
    return (in_view - view[:, 2]) / view[0, 0], sure, seen


def _unmirrored(both: Tensor, *, flip: bool) -> Tensor:
    """The mean of what was said of a view and of its mirror image, by point; `flip`: of maps, which have to be turned back."""
    mirror_image = (both[1:].flip(-1) if flip else both[1:])[:, PARTNERS]
    mean: Tensor = (both[:1] + mirror_image) / 2
    return mean
