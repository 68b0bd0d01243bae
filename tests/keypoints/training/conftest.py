from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from keypoints.training.cutouts import Cutouts, Picture
from keypoints.training.labels import labels_of
from keypoints.training.scenes import JUDGING_SEEDS, Recipe, Scene, scene
from keypoints.training.shards import photo_shards, write_shard

SMALL = (128, 96)


def garment_photo(rng: np.random.Generator) -> Picture:
    """A red rectangle on green."""
    picture = np.full((320, 240, 3), (40, 90, 40), np.uint8)
    picture[60:260, 50:190] = (200, 60, 50)
    return np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of classes with 14 photos."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for label, count in (("pants", 8), ("hat", 6)):
        (folder / label).mkdir()
        for number in range(count):
            cv2.imwrite(str(folder / label / f"{label}-{number}.jpg"), garment_photo(rng)[..., ::-1])
    return folder


def small_scenes(count: int, first: int = 0) -> list[Scene]:
    categories = ("short_sleeve_top", "trousers")
    return [scene(first + seed, Cutouts(), Recipe(categories[seed % 2], "flat", shape=SMALL)) for seed in range(count)]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """What keypoints.training.shards leaves, tiny: 12 renders, 4 for judging, the photos."""
    folder = tmp_path_factory.mktemp("data")
    for name, count, first in (("renders", 12, 0), ("judging", 4, JUDGING_SEEDS)):
        (folder / name).mkdir()
        write_shard(folder / name / "00000.npz", [(shown.picture, labels_of(shown)) for shown in small_scenes(count, first)])
    (folder / "photos").mkdir()
    photo_shards(photos, folder / "photos")
    return folder
