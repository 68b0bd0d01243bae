"""Batches for training: random pictures of the shards, moved, turned, mirrored and recoloured.

Batch n is the same whenever it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from keypoints.inference.crops import DEVIATION, MEAN
from keypoints.landmarks import CATEGORIES, PARTNERS
from keypoints.training.cutouts import Picture
from keypoints.training.labels import ABSENT, UNASKED, Labels
from keypoints.training.shards import Shard, read_shard, whole_shards

Size = tuple[int, int]
"""Width and height in pixels."""

BEYOND = 1.0
"""Pixels that a point may lie beyond the frame and still be there: labels are no better."""


class Batch(NamedTuple):
    """`pictures` (count, 3, height, width) RGB, 0..255; `category` (count,) what the decoder is told; the rest as in `Labels`."""

    pictures: Tensor
    category: Tensor
    positions: Tensor
    presence: Tensor
    kinds: Tensor
    worn: Tensor


@dataclass(frozen=True)
class Mixture:
    """Which batches: `count` pictures of this size, `photos` of them (rounded down) real ones. `balanced`: photos of which only the class
    is known, each class as often as any other."""

    seed: int
    count: int
    size: Size
    photos: float = 0.0
    balanced: bool = False


class Batches(Dataset[Batch]):
    """`batches[n]` depends on n, the mixture and the shards alone."""

    def __init__(self, renders: Path, photos: Path, mixture: Mixture) -> None:
        self.renders, self.photos, self.mixture = renders, photos, mixture
        self._open: tuple[list[Shard], list[Shard]] | None = None

    def shards(self) -> tuple[list[Shard], list[Shard]]:
        """Opened by the process that reads them."""
        if self._open is None:
            rendered, real = ([read_shard(path) for path in whole_shards(folder)] for folder in (self.renders, self.photos))
            if not rendered:
                raise ValueError(f"{self.renders} holds no shards: run keypoints.training.shards first")
            self._open = rendered, by_class(real) if self.mixture.balanced else real
        return self._open

    def __getitem__(self, number: int) -> Batch:
        rng = np.random.default_rng([self.mixture.seed, number])
        rendered, real = self.shards()
        real_ones = int(self.mixture.count * self.mixture.photos) if real else 0
        chosen = [drawn(rng, real if place < real_ones else rendered) for place in range(self.mixture.count)]
        return collated(rng, [varied(rng, picture, labels, self.mixture.size) for picture, labels in chosen])


def by_class(shards: list[Shard]) -> list[Shard]:
    """The photos of which only the class is known, a shard for each class."""
    found = []
    for shard in shards:
        if (shard.presence == UNASKED).all():
            classes, of_class = np.unique(shard.kinds, axis=0, return_inverse=True)
            found += [shard.only(np.flatnonzero(of_class == number)) for number in range(len(classes))]
    return found


def drawn(rng: np.random.Generator, shards: list[Shard]) -> tuple[Picture, Labels]:
    shard = shards[rng.integers(len(shards))]
    number = int(rng.integers(len(shard)))
    return shard.picture(number), shard.labels(number)


def collated(rng: np.random.Generator, samples: list[tuple[Picture, Labels]]) -> Batch:
    pictures = np.stack([picture for picture, _ in samples]).transpose(0, 3, 1, 2)
    labels = [known for _, known in samples]
    return Batch(
        torch.from_numpy(np.ascontiguousarray(pictures)),
        torch.tensor([told(rng, known) for known in labels]),
        torch.from_numpy(np.stack([known.positions for known in labels])),
        torch.from_numpy(np.stack([known.presence for known in labels])),
        torch.from_numpy(np.stack([known.kinds for known in labels])),
        torch.tensor([known.worn for known in labels]),
    )


def normalised(pictures: Tensor) -> Tensor:
    """What the network takes, as the service gives it."""
    mean, deviation = (torch.from_numpy(values).float().to(pictures.device)[:, None, None] for values in (MEAN, DEVIATION))
    return (pictures.float() - mean) / deviation


def told(rng: np.random.Generator, labels: Labels) -> int:
    """The category that the decoder is told: one that it may be; any where there is no garment."""
    possible = np.flatnonzero(labels.kinds[: len(CATEGORIES)])
    return int(rng.choice(possible)) if len(possible) else int(rng.integers(len(CATEGORIES)))


def varied(rng: np.random.Generator, picture: Picture, labels: Labels, size: Size) -> tuple[Picture, Labels]:
    """The picture as another camera would have taken it, at the network's size."""
    mirror = rng.random() < 0.5
    matrix = random_view(rng, picture, size, mirror=mirror)
    border = cv2.BORDER_REPLICATE if rng.random() < 0.5 else cv2.BORDER_CONSTANT
    grey = (124, 124, 124) if rng.random() < 0.6 else tuple(rng.integers(0, 255, 3).tolist())
    view = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border, borderValue=grey)
    positions = (labels.positions @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    presence = labels.presence
    if mirror:
        positions, presence = positions[PARTNERS], presence[PARTNERS]
    presence = framed(positions, presence, size)
    return recoloured(rng, view.astype(np.uint8)), Labels(positions, presence, labels.kinds, labels.worn)


def framed(positions: npt.NDArray[np.float32], presence: npt.NDArray[np.uint8], size: Size) -> npt.NDArray[np.uint8]:
    """A point that the new frame leaves out is absent."""
    outside = ((positions < -BEYOND) | (positions >= np.array(size) + BEYOND)).any(axis=1)
    return np.where(outside & (presence != UNASKED), ABSENT, presence).astype(np.uint8)


def random_view(rng: np.random.Generator, picture: Picture, size: Size, *, mirror: bool) -> npt.NDArray[np.float64]:
    """The 2x3 matrix from the picture to the network's input: letterboxed, then zoomed, turned, stretched and shifted a little."""
    height, width = picture.shape[:2]
    fit = min(size[0] / width, size[1] / height)
    zoom = fit * (rng.uniform(0.72, 1.18) if rng.random() < 0.9 else rng.uniform(0.5, 1.3))
    turn, stretch = np.deg2rad(rng.normal(0, 7)), rng.uniform(0.9, 1.1)
    spin = zoom * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    spin = np.diag([-stretch if mirror else stretch, 1 / stretch]) @ spin
    middle = np.array(size) / 2 + rng.normal(0, 0.04, 2) * size
    return np.column_stack([spin, middle - 0.5 - spin @ (np.array([width, height]) / 2 - 0.5)])


def recoloured(rng: np.random.Generator, picture: Picture) -> Picture:
    """Another exposure, white balance, hue; blur, grain, something in the way, and the marks of JPEG."""
    values = picture.astype(np.float32)
    if rng.random() < 0.8:
        exposed = 255 * (np.arange(256) / 255) ** rng.uniform(0.6, 1.5) * rng.uniform(0.75, 1.25) + rng.uniform(-25, 25)
        values = exposed.astype(np.float32)[picture]
        values += (rng.uniform(0.6, 1.35) - 1) * (values - values.mean())
    if rng.random() < 0.6:
        values = values * rng.uniform(0.85, 1.15, 3).astype(np.float32)
    if rng.random() < 0.35:
        values = other_hue(rng, values)
    values = blurred(rng, values)
    if rng.random() < 0.5:
        values += rng.standard_normal(values.shape, np.float32) * np.float32(rng.uniform(1, 12))
    if rng.random() < 0.15:
        row, column = (int(rng.integers(0, side)) for side in values.shape[:2])
        side = int(rng.integers(8, 50))
        values[row : row + side, column : column + side] = rng.uniform(0, 255, 3)
    final = np.clip(values, 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        _, jpeg = cv2.imencode(".jpg", final, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])
        final = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), dtype=np.uint8)
    return final


def other_hue(rng: np.random.Generator, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    hue = cv2.cvtColor(np.clip(values, 0, 255).astype(np.uint8), cv2.COLOR_RGB2HSV)
    hue[..., 0] = (hue[..., 0].astype(int) + int(rng.integers(0, 180))) % 180
    hue[..., 1] = np.clip(hue[..., 1] * rng.uniform(0.3, 1.4), 0, 255)
    return cv2.cvtColor(hue, cv2.COLOR_HSV2RGB).astype(np.float32)


def blurred(rng: np.random.Generator, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    chance = rng.random()
    if chance < 0.25:
        return cv2.GaussianBlur(values, (0, 0), rng.uniform(0.4, 1.6)).astype(np.float32)
    if chance < 0.32:  # a hand that moved
        side = int(rng.integers(3, 8))
        line = np.zeros((side, side), np.float32)
        line[side // 2] = 1 / side
        turned = cv2.warpAffine(line, cv2.getRotationMatrix2D((side / 2 - 0.5, side / 2 - 0.5), rng.uniform(0, 180), 1), (side, side))
        return cv2.filter2D(values, -1, turned / max(turned.sum(), 1e-3)).astype(np.float32)
    return values


def from_batch(batches: Batches, first: int, last: int, workers: int) -> Iterator[Batch]:
    """The batches first..last-1 in order, made by other processes while the network computes."""
    cv2.setNumThreads(1)  # before the processes are forked: OpenCV's threads do not survive it
    ahead: dict[str, Any] = {"prefetch_factor": 8} if workers else {}
    loader = DataLoader(batches, batch_size=None, sampler=range(first, last), num_workers=workers, **ahead)
    yield from loader
