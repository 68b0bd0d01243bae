"""From a picture to what it shows: which garment, worn or not, where its points are and which of them can be seen.

The network looks twice: at the whole picture, which tells about what and where the garment is, and at the garment alone, there also at
the mirror image. (In the first look that changes nothing that could be measured: PCK@.05 on data/garments/dev .894 instead of .897, p .8.)
What the picture shows is the mean of what all these say: of held-out photos' categories .912 were right then with garments-2, of the
first look's .903.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from keypoints.geometry import Point
from keypoints.inference.crops import (
    CLOSER_HEIGHT,
    CLOSER_WIDTH,
    GREY,
    HEIGHT,
    WIDTH,
    Matrix,
    Picture,
    closer_view,
    cut,
    normalised,
    whole_view,
)
from keypoints.inference.network import GarmentNetwork, Levels, decode
from keypoints.inference.sides import settled
from keypoints.landmarks import CATEGORIES, KINDS, PARTNERS, POINTS, Category, Visibility

SEEN = 0.3
"""From this confidence on a point of the first look helps to place the second."""


@dataclass(frozen=True)
class Sight:
    """What a picture shows. `kinds`: the probability of each of `KINDS`; `worn`: that the garment is on a body."""

    kinds: Mapping[str, float]
    worn: float

    @property
    def likeliest(self) -> str:
        return max(self.kinds, key=self.kinds.__getitem__)

    def likeliest_of(self, categories: Sequence[Category]) -> Category:
        return max(categories, key=lambda category: self.kinds[category.name])

    def belief(self, categories: Sequence[Category]) -> float:
        """The probability that it is one of these."""
        return sum(self.kinds[category.name] for category in categories)


@dataclass(frozen=True)
class Garment:
    """The picture's garment as one of `category`, whose points, in its order, are in pixels of the picture; some may lie outside it.

    `sight` is of all categories: one of which it says little is probably wrong. None from a network that cannot tell.
    """

    category: Category
    points: list[Point]
    sight: Sight | None = None


@torch.inference_mode()
def read_garment(network: GarmentNetwork, picture: Picture, among: Sequence[Category] = CATEGORIES) -> Garment:
    """The garment as the likeliest of these categories."""
    view = whole_view(picture)
    device = network.head.weight.device
    whole = network.encode(_shown(picture, view, (WIDTH, HEIGHT)).to(device))
    sight = _sight(network, whole)
    category = sight.likeliest_of(among)
    positions, confidences, presence = _read(network, whole, category, view)
    closer = closer_view(positions[confidences > SEEN], view)
    if closer is not None:
        shown = _shown(picture, closer, (CLOSER_WIDTH, CLOSER_HEIGHT)).to(device)
        near = network.encode(torch.cat([shown, shown.flip(-1)]))
        sight, first = _sight(network, whole, near), category
        category = sight.likeliest_of(among)
        if category != first:
            _, _, presence = _read(network, whole, category, view)
        positions, confidences, again = _read(network, near, category, closer)
        presence = (presence + again) / 2
    found = zip(category.points, positions.tolist(), confidences.tolist(), presence.argmax(axis=1), strict=True)
    points = [Point(name, x, y, confidence, tuple(Visibility)[number]) for name, (x, y), confidence, number in found]
    return Garment(category, settled(points), sight)


def _shown(picture: Picture, view: Matrix, size: tuple[int, int]) -> Tensor:
    return normalised(cut(picture, view, size, GREY))


def _sight(network: GarmentNetwork, *looks: Levels) -> Sight:
    """The mean of what each view shows."""
    verdicts = [network.judge(levels) for levels in looks]
    kinds = torch.cat([kind.softmax(-1) for kind, _ in verdicts]).mean(0)
    worn = torch.cat([worn.sigmoid() for _, worn in verdicts]).mean()
    return Sight(dict(zip(KINDS, kinds.tolist(), strict=True)), float(worn))


def _read(network: GarmentNetwork, levels: Levels, category: Category, view: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Of the category's points: positions (count, 2) in the picture, confidences (count,), probabilities of `Visibility` (count, 3). The
    levels are those of a view, or of it and its mirror image."""
    reading = network.read(levels, torch.full((len(levels.fine),), CATEGORIES.index(category), device=levels.fine.device))
    positions, confidences = decode(unmirrored(reading.heatmaps.cpu(), flip=True))
    presence = unmirrored(reading.presence.cpu().softmax(-1), flip=False)
    channels = [POINTS.index(point) for point in category.points]
    in_view, sure, seen = (values[0, channels].double().numpy() for values in (positions, confidences, presence))
    return (in_view - view[:, 2]) / view[0, 0], sure, seen


def unmirrored(said: Tensor, *, flip: bool) -> Tensor:
    """What was said of a view, or the mean of that and of what was said of its mirror image, by point; `flip`: of maps, which have to be
    turned back."""
    if len(said) == 1:
        return said
    mirror_image = (said[1:].flip(-1) if flip else said[1:])[:, PARTNERS]
    mean: Tensor = (said[:1] + mirror_image) / 2
    return mean
