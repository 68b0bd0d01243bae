"""Labelled photos: a folder of pictures and a `labels.json`, or COCO keypoints. `docs/keypoints.md` describes the formats."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keypoints.geometry import Position
from keypoints.landmarks import CATEGORY, NO_GARMENT, Category

FILE, COCO_FILE = "labels.json", "annotations.json"


class LabelError(ValueError):
    """What is wrong with a labelled folder, and where."""


@dataclass(frozen=True)
class LabelledPhoto:
    """`points`, by name, are in pixels of the upright picture. A photo without a garment has no category and no points."""

    path: Path
    category: Category | None
    points: Mapping[str, Position]


def read_labels(folder: Path) -> list[LabelledPhoto]:
    """Every photo that the folder's `labels.json` lists; without one, those of `annotations.json`, COCO keypoints. Raises LabelError."""
    coco = (folder / COCO_FILE).exists() and not (folder / FILE).exists()
    file = folder / (COCO_FILE if coco else FILE)
    try:
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise LabelError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise LabelError(f"{file} is not JSON: {error}") from None
    if coco:
        document = _from_coco(document, file)
    images = document.get("images") if isinstance(document, dict) else None
    if not isinstance(images, list) or not images:
        raise LabelError(f"{file} has no list 'images', or an empty one")
    return [_photo(folder, image, f"{file}: images[{number}]") for number, image in enumerate(images)]


def _from_coco(document: Any, file: Path) -> dict[str, Any]:
    """What `labels.json` would say: a photo for each annotation, with the landmarks that can be seen or guessed (v > 0)."""
    try:
        files = {image["id"]: image["file_name"] for image in document["images"]}
        names = {category["id"]: category["name"] for category in document["categories"]}
        photos = [
            {
                "file": files[found["image_id"]],
                "category": names[found["category_id"]],
                "landmarks": [
                    {"df2_number": number, "x": x, "y": y}
                    for number, (x, y, seen) in enumerate(zip(*[iter(found["keypoints"])] * 3, strict=True), 1)
                    if seen
                ],
            }
            for found in document["annotations"]
        ]
    except (LookupError, TypeError, ValueError):
        raise LabelError(f"{file} holds no COCO keypoints") from None
    return {"images": photos}


def _photo(folder: Path, image: Any, place: str) -> LabelledPhoto:
    name = _text(image, "file", place)
    place = f"{place} ({name})"
    path = folder / name
    if not path.is_file():
        raise LabelError(f"{place}: there is no such picture in the folder")
    wanted = _text(image, "category", place)
    if wanted == NO_GARMENT:
        return LabelledPhoto(path, None, {})
    if wanted not in CATEGORY:
        raise LabelError(f"{place}: no category is called {wanted!r}; they are {', '.join(CATEGORY)} and {NO_GARMENT}")
    return LabelledPhoto(path, CATEGORY[wanted], _points(image, CATEGORY[wanted], place))


def _text(entry: Any, name: str, place: str) -> str:
    found = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(found, str) or not found:
        raise LabelError(f"{place}: {name!r} is missing, or no text")
    return found


def _points(image: dict[str, Any], category: Category, place: str) -> dict[str, Position]:
    landmarks = image.get("landmarks")
    if not isinstance(landmarks, list):
        raise LabelError(f"{place}: 'landmarks' is missing, or no list")
    points: dict[str, Position] = {}
    for number, landmark in enumerate(landmarks):
        name, position = _point(landmark, category, f"{place}: landmarks[{number}]")
        if name in points:
            raise LabelError(f"{place}: {name} is labelled twice")
        points[name] = position
    if len(set(points.values())) < 2:
        raise LabelError(f"{place}: fewer than two places are labelled, so that nothing says how large the garment is")
    return points


def _point(landmark: Any, category: Category, place: str) -> tuple[str, Position]:
    number = landmark.get("df2_number") if isinstance(landmark, dict) else None
    if type(number) is not int or not 1 <= number <= len(category.points):
        raise LabelError(f"{place}: 'df2_number' is not one of 1..{len(category.points)}, the landmarks of {category.name}")
    x, y = (landmark.get(axis) for axis in ("x", "y"))
    if not all(type(value) in (int, float) and math.isfinite(value) for value in (x, y)):
        raise LabelError(f"{place}: 'x' and 'y' are not both numbers")
    return category.points[number - 1], (float(x), float(y))
