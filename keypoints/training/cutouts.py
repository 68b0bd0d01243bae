"""Fabrics and grounds cut out of real photos, for the renderer: GrabCut finds the garment, its middle is fabric, the rest is ground.

Only photos that are not held out are used. The result is kept in a folder, so that it is made once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from rich.progress import track

from keypoints.landmarks import NO_GARMENT
from keypoints.training.photos import COMPATIBLE, photos_in, read_photo

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.uint8]

WORKING_SIDE = 200
"""Pixels of the long side that GrabCut works on."""
PLAUSIBLE = (0.12, 0.8)
"""A garment covers this share of its photo; anything else is GrabCut gone astray."""
LARGEST_ON_GROUND = 0.6
"""Too little ground is left around a garment larger than this."""
SMALLEST_FABRIC = 35
"""Half the side, in pixels, of the smallest square of fabric worth keeping."""


@dataclass(frozen=True)
class Cutouts:
    """RGB pictures of fabric (squares) and of grounds; empty without photos."""

    fabrics: tuple[Picture, ...] = field(default=(), repr=False)
    grounds: tuple[Picture, ...] = field(default=(), repr=False)


def silhouette(picture: Picture) -> Mask | None:
    """1 where the garment in the middle of the photo is; None if no single thing stands out."""
    scale = WORKING_SIDE / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    aside, above = abs(columns - width / 2) / (width / 2), abs(rows - height / 2) / (height / 2)
    guess = np.full((height, width), cv2.GC_PR_FGD, np.uint8)
    guess[np.maximum(aside, above) > 0.86] = cv2.GC_PR_BGD
    guess[np.maximum(aside, above) > 0.96] = cv2.GC_BGD
    guess[np.maximum(aside, above) < 0.24] = cv2.GC_FGD
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(small, guess, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
    except cv2.error:  # one of the two colour models came out empty
        return None
    solid = largest(np.isin(guess, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8))
    if solid is None or not PLAUSIBLE[0] < solid.mean() < PLAUSIBLE[1]:
        return None
    height, width = picture.shape[:2]
    return np.asarray(cv2.resize(solid, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def largest(mask: Mask) -> Mask | None:
    """The largest connected piece, without specks and holes."""
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return None
    piece = (labels == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])).astype(np.uint8)
    edges, _ = cv2.findContours(piece, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros_like(piece), edges, -1, 1, cv2.FILLED), dtype=np.uint8)


def fabric(picture: Picture, mask: Mask) -> Picture | None:
    """The largest square well inside the garment."""
    distance = cv2.distanceTransform(np.pad(cv2.erode(mask, np.ones((9, 9), np.uint8)), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(distance.argmax()), distance.shape)
    reach = int(0.72 * distance[row, column])
    if reach < SMALLEST_FABRIC:
        return None
    return picture[max(0, row - reach) : row + reach, max(0, column - reach) : column + reach]


def ground(picture: Picture, mask: Mask) -> Picture | None:
    """The photo without its garment: each row is filled with what is left of it, mirrored."""
    if mask.mean() > LARGEST_ON_GROUND:
        return None
    taken = cv2.dilate(mask, np.ones((15, 15), np.uint8))
    filled = picture.copy()
    for row in range(len(filled)):
        free, holes = np.flatnonzero(taken[row] == 0), np.flatnonzero(taken[row])
        if len(free) < 12:
            filled[row] = filled[max(0, row - 1)]
            continue
        there_and_back = np.concatenate([free, free[::-1]])
        filled[row, holes] = picture[row, there_and_back[(np.arange(len(holes)) + int(0.3 * row)) % len(there_and_back)]]
    seam = 0.5 * cv2.GaussianBlur(taken.astype(np.float32), (0, 0), 4)[..., None]
    return np.asarray(filled * (1 - seam) + cv2.GaussianBlur(filled, (0, 0), 2) * seam, dtype=np.uint8)


def cut_out(photos: Path, folder: Path) -> None:
    """Fill `folder` with `fabric-*.jpg` and `ground-*.jpg`; photos that were cut before are passed over."""
    folder.mkdir(parents=True, exist_ok=True)
    garments = [photo for photo in photos_in(photos, for_judging=False) if NO_GARMENT not in COMPATIBLE[photo.label]]
    for photo in track(garments, description="cutting out"):
        done = folder / f"{photo.path.stem}.done"
        if done.exists():
            continue
        picture = read_photo(photo.path)
        mask = silhouette(picture)
        if mask is not None:
            for name, piece in (("fabric", fabric(picture, mask)), ("ground", ground(picture, mask))):
                if piece is not None:
                    cv2.imwrite(str(folder / f"{name}-{photo.path.stem}.jpg"), piece[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
        done.touch()


def load_cutouts(folder: Path) -> Cutouts:
    """What `cut_out` left there, ordered by name."""
    fabrics, grounds = (tuple(read_photo(path) for path in sorted(folder.glob(f"{name}-*.jpg"))) for name in ("fabric", "ground"))
    return Cutouts(fabrics, grounds)
