"""Points that the network puts on photos itself, where several looks agree: `python -m keypoints.training.selflabel CHECKPOINT DATA`.

They become a shard beside the one of the photos' classes, so that the rest of the training learns points on real cloth, too (self-training;
findings/garments.md, section 4). Photos kept for judging are never among them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.progress import track

from keypoints.geometry import Position
from keypoints.inference.crops import GREY, Matrix, Picture
from keypoints.inference.finders import Finder, GarmentFinder
from keypoints.inference.reading import Garment
from keypoints.landmarks import CATEGORY, Category, Visibility
from keypoints.training.evaluate import network_in
from keypoints.training.labels import Labels, people_labels
from keypoints.training.photos import COMPATIBLE, Photo, photos_in, read_photo
from keypoints.training.shards import shrunk, write_shard

LOOKS = ((0.0, 1.0), (7.0, 0.9), (-7.0, 0.9), (3.0, 0.75))
"""Degrees by which the photo is turned, and the share of its size at which it is shown."""
APART = 0.02
"""Looks agree on a point if none is farther from their mean than this share of the diagonal of the garment's box."""
SURE = 0.6
"""The mean confidence that a point needs."""
KNOWN = 0.6
"""The share of its points that a garment needs: where the looks disagree on more, the rest is doubtful as well."""


def self_labelled(finder: Finder, picture: Picture, among: Sequence[Category]) -> Labels | None:
    """The garment's points on which the looks agree; None where they are too few, or where the looks see different garments."""
    views = [looked(picture.shape[1], picture.shape[0], degrees, size) for degrees, size in LOOKS]
    garments = [finder.find(turned(picture, view), among) for view in views]
    category = garments[0].category
    if any(garment.category != category for garment in garments):
        return None
    points = agreed(garments, views)
    return people_labels(category, points) if len(points) >= max(4, KNOWN * len(category.points)) else None


def looked(width: int, height: int, degrees: float, size: float) -> Matrix:
    """The 2x3 matrix of a look at a picture of this size, about its middle."""
    return np.asarray(cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, size), np.float64)


def turned(picture: Picture, view: Matrix) -> Picture:
    height, width = picture.shape[:2]
    return cv2.warpAffine(picture, view, (width, height), flags=cv2.INTER_LINEAR, borderValue=GREY).astype(np.uint8, copy=False)


def agreed(garments: Sequence[Garment], views: Sequence[Matrix]) -> Mapping[str, Position]:
    """By name, the mean place in the picture of every point that all looks see, surely, and in about the same place."""
    places = np.stack([placed(garment, view) for garment, view in zip(garments, views, strict=True)])  # (looks, points, 2)
    confidence = np.mean([[point.confidence for point in garment.points] for garment in garments], axis=0)
    seen = np.all([[point.visibility == Visibility.VISIBLE for point in garment.points] for garment in garments], axis=0)
    mean = places.mean(axis=0)
    diagonal = float(np.linalg.norm(np.ptp(mean, axis=0)))
    apart = np.linalg.norm(places - mean, axis=2).max(axis=0)
    kept = seen & (confidence >= SURE) & (apart <= APART * diagonal)
    return {point.name: (float(x), float(y)) for point, (x, y), keep in zip(garments[0].points, mean, kept, strict=True) if keep}


def placed(garment: Garment, view: Matrix) -> Matrix:
    """The garment's points (count, 2) in the picture, of what was found in a view of it."""
    found = np.array([(point.x, point.y) for point in garment.points])
    return np.asarray((found - view[:, 2]) @ np.linalg.inv(view[:, :2]).T)


def labelled_photos(finder: Finder, photos: Sequence[Photo]) -> Iterator[tuple[Picture, Labels]]:
    for photo in track(photos, description="putting points"):
        among = [CATEGORY[kind] for kind in COMPATIBLE[photo.label] if kind in CATEGORY]
        picture = shrunk(read_photo(photo.path))
        if among and (labels := self_labelled(finder, picture, among)) is not None:
            yield picture, labels


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path, help="where keypoints.training.shards wrote")
    parser.add_argument("--photos", type=Path, required=True, help="the folder of classes that shards was given")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    photos = photos_in(chosen.photos, for_judging=False)
    finder = GarmentFinder(network_in(chosen.checkpoint), chosen.checkpoint.name)
    found = list(labelled_photos(finder, photos))
    if not found:
        parser.error("the looks agree on no photo: train for longer first")
    write_shard(chosen.folder / "photos" / "selflabelled.npz", found)
    garments = sum(COMPATIBLE[photo.label] != ("no_garment",) for photo in photos)
    print(f"points on {len(found)} of {garments} photos of garments")


if __name__ == "__main__":
    main()
