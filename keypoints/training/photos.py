"""Folders of real photos by class: what a class says about the category, and which photos are never trained on.

`data/garments/train` is such a folder: `pants/`, `t-shirt/`, `hat/`, ... with one garment, or one thing that is none, a photo.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

from keypoints.landmarks import KINDS, NO_GARMENT

DRESSES = ("short_sleeve_dress", "long_sleeve_dress", "vest_dress", "sling_dress")
COMPATIBLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "t-shirt": ("short_sleeve_top", "vest"),
        "longsleeve": ("long_sleeve_top", "long_sleeve_outwear"),
        "shirt": ("short_sleeve_top", "long_sleeve_top"),
        "outwear": ("short_sleeve_outwear", "long_sleeve_outwear", "vest"),
        "pants": ("trousers",),
        "shorts": ("shorts",),
        "skirt": ("skirt",),
        "dress": DRESSES,
        "hat": (NO_GARMENT,),
        "shoes": (NO_GARMENT,),
    }
)
"""Class of the photos -> what they may show. A class does not tell the length of a shirt's or a dress's sleeves; among the t-shirts are
sleeveless ones, among the long sleeves cardigans, among the outwear padded vests."""

HELD_OUT_SHARE = 5
"""Every fifth photo is for judging."""
PHOTO_ENDINGS = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Photo:
    """A file and its class."""

    path: Path
    label: str

    @property
    def kinds(self) -> npt.NDArray[np.bool_]:
        """Which of `KINDS` it may show."""
        return np.array([kind in COMPATIBLE[self.label] for kind in KINDS])


def held_out(name: str) -> bool:
    """Whether the photo with this file name is kept for judging: fixed by its name alone, so no later choice can move it."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % HELD_OUT_SHARE == 0


def photos_in(folder: Path, *, for_judging: bool) -> list[Photo]:
    """The folder's photos of one side of the split, ordered by name; classes that `COMPATIBLE` does not name are left out.

    Raises ValueError if there is none: the folder is not one of classes.
    """
    found = [
        Photo(path, label)
        for label in COMPATIBLE
        for path in sorted((folder / label).glob("*"))
        if path.suffix.lower() in PHOTO_ENDINGS and held_out(path.name) == for_judging
    ]
    if not found:
        raise ValueError(f"{folder} has no photos in folders named {', '.join(COMPATIBLE)}")
    return sorted(found, key=lambda photo: photo.path.name)


def read_photo(path: Path) -> npt.NDArray[np.uint8]:
    """RGB. Raises ValueError if it is not a picture."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(f"{path} is not a picture")
    return np.ascontiguousarray(pixels[..., ::-1]).astype(np.uint8, copy=False)
