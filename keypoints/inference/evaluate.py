"""A network's answers on labelled photos, as the service would give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
import torch

from keypoints.evaluation import Judged, judged
from keypoints.inference.finders import Finder
from keypoints.inference.points import LONGEST_SIDE
from keypoints.labelled import LabelError, LabelledPhoto
from keypoints.landmarks import NO_GARMENT
from tasks.errors import InvalidInput
from tasks.inference.pictures import open_picture


def answers(finder: Finder, photos: Iterable[LabelledPhoto]) -> Iterator[Judged]:
    """One verdict for each photo, on one thread as in a worker: two took ten times the CPU on a machine with other programs at work.

    Raises LabelError for a picture that cannot be read.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    for photo in photos:
        yield answer(finder, photo)


def answer(finder: Finder, photo: LabelledPhoto) -> Judged:
    try:
        with photo.path.open("rb") as file:
            picture = open_picture(file, LONGEST_SIDE)
    except (InvalidInput, OSError) as error:
        raise LabelError(f"{photo.path}: {error}") from None
    pixels = np.asarray(picture.image)
    seen = finder.category_in(pixels)
    if photo.category is None:
        return Judged(photo.path.name, NO_GARMENT, seen=seen)
    shrink = picture.image.width / picture.width
    labels = {name: (x * shrink, y * shrink) for name, (x, y) in photo.points.items()}
    return judged(photo.path.name, photo.category.name, labels, finder.find(pixels, photo.category), seen)
