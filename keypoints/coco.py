"""Garments as COCO keypoints (cocodataset.org, "Data format"), with DeepFashion2's categories: what people corrected, to train on.

A point counts as seen (v = 2) where a person put it or the model was sure of it, as hidden (1) where the model said so. Left out (0) are
those that the model was unsure of and nobody moved, and those outside of the picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from keypoints.landmarks import CATEGORIES, Visibility

NUMBERS = {category.name: number for number, category in enumerate(CATEGORIES, 1)}
NOTE = "x, y are pixels of the upright picture; left and right are its sides, not the wearer's."


def dataset(garments: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Of pairs of a file name and a corrected result, one garment in each picture."""
    images, annotations = [], []
    for number, (file, result) in enumerate(garments, 1):
        images.append({"id": number, "file_name": file, **result["picture"]})
        annotations.append({"id": number, "image_id": number, "iscrowd": 0, **annotation(result)})
    categories = [
        {"id": NUMBERS[category.name], "name": category.name, "keypoints": list(category.points), "skeleton": []} for category in CATEGORIES
    ]
    return {"info": {"description": NOTE}, "images": images, "annotations": annotations, "categories": categories}


def annotation(result: dict[str, Any]) -> dict[str, Any]:
    """The points in the category's order; `moved` names those that a person put there."""
    points = [(point, visibility(point, result["picture"])) for point in result["points"]]
    counted = [point for point, seen in points if seen]
    triplets = [(point["x"], point["y"], seen) if seen else (0, 0, 0) for point, seen in points]
    box = bounds(counted)
    return {
        "category_id": NUMBERS[result["category"]],
        "keypoints": list(chain.from_iterable(triplets)),
        "num_keypoints": len(counted),
        "bbox": box,
        "area": round(box[2] * box[3], 2),
        "moved": [point["name"] for point in result["points"] if point.get("moved")],
    }


def visibility(point: dict[str, Any], picture: dict[str, int]) -> int:
    if point["visibility"] == Visibility.ABSENT or not (point.get("moved") or not point["estimated"]):
        return 0
    inside = 0 <= point["x"] <= picture["width"] and 0 <= point["y"] <= picture["height"]
    seen = 1 if point["visibility"] == Visibility.HIDDEN else 2
    return seen if inside else 0


def bounds(points: list[dict[str, Any]]) -> list[float]:
    """x, y, width, height of the box around the points; zeros around none."""
    if not points:
        return [0, 0, 0, 0]
    xs, ys = ([point[axis] for point in points] for axis in ("x", "y"))
    return [min(xs), min(ys), round(max(xs) - min(xs), 2), round(max(ys) - min(ys), 2)]
