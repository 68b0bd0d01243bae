"""Scenes as files, to look at and to judge with: `python -m keypoints.training.render FOLDER --count 24`.

Writes FOLDER/12345.jpg for each seed, labels.json as data/garments/dev has it (visible points, true centimetres, and which of the other
points are hidden or absent), and overview.jpg with the points drawn. `--measured`: garments beside the scale sheet, 3 megapixels.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.progress import track

from keypoints.geometry import definitions_for, length
from keypoints.landmarks import CATEGORIES, CATEGORY, NO_GARMENT, Visibility
from keypoints.training.cutouts import Cutouts, Picture, load_cutouts
from keypoints.training.scenes import Scene, measured_recipe, scene

COLOURS = {Visibility.VISIBLE: (40, 230, 60), Visibility.HIDDEN: (240, 60, 50), Visibility.ABSENT: (60, 90, 250)}
TILE = (216, 288)
ACROSS = 8


def description(file: str, shown: Scene) -> dict[str, Any]:
    """The picture's entry in labels.json. Raises KeyError where there is no garment."""
    category = CATEGORY[shown.recipe.category]
    height, width = shown.picture.shape[:2]
    visible = [name for name in category.points if shown.presence[name] == Visibility.VISIBLE]
    definitions = definitions_for(list(shown.centimetres))
    return {
        "file": file,
        "width": width,
        "height": height,
        "category_id": CATEGORIES.index(category) + 1,
        "category": category.name,
        "way": shown.recipe.way,
        "landmarks": [landmark(category.points.index(name), *shown.positions[name]) | {"name": name} for name in visible],
        "presence": {name: str(found) for name, found in shown.presence.items() if found != Visibility.VISIBLE},
        "centimetres": {definition.name: round(length(definition, shown.centimetres), 3) for definition in definitions},
    }


def landmark(place: int, x: float, y: float) -> dict[str, Any]:
    return {"df2_number": place + 1, "x": round(x, 2), "y": round(y, 2)}


def drawn(shown: Scene) -> Picture:
    """The picture with its points, small."""
    picture, scale = shown.picture.copy(), max(1, shown.picture.shape[0] // 300)
    for name, (x, y) in shown.positions.items():
        cv2.circle(picture, (round(x), round(y)), 2 * scale, COLOURS[shown.presence[name]], -1, cv2.LINE_AA)
    cv2.putText(picture, shown.recipe.category, (4 * scale, 14 * scale), cv2.FONT_HERSHEY_SIMPLEX, 0.45 * scale, (255, 0, 0), scale)
    return cv2.resize(picture, TILE, interpolation=cv2.INTER_AREA).astype(np.uint8)


def overview(pictures: Sequence[Picture]) -> Picture:
    blank = np.zeros((TILE[1], TILE[0], 3), np.uint8)
    filled = [*pictures, *[blank] * (-len(pictures) % min(ACROSS, len(pictures)))]
    rows = [np.hstack(filled[start : start + ACROSS]) for start in range(0, len(filled), ACROSS)]
    return np.vstack(rows)


def render(folder: Path, seeds: Sequence[int], cutouts: Cutouts, *, measured: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    entries, small = [], []
    for seed in track(seeds, description="rendering"):
        shown = scene(seed, cutouts, measured_recipe(seed) if measured else None)
        write_picture(folder / f"{seed}.jpg", shown.picture)
        small.append(drawn(shown))
        if shown.recipe.category != NO_GARMENT:
            entries.append(description(f"{seed}.jpg", shown))
    (folder / "labels.json").write_text(json.dumps({"schema": "garment-landmarks/1", "images": entries}, indent=1))
    write_picture(folder / "overview.jpg", overview(small))


def write_picture(path: Path, picture: Picture) -> None:
    cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=0, help="the first seed; training has those from 0 on, judging those from 10000000 on")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--measured", action="store_true", help="garments beside the scale sheet")
    parser.add_argument("--cutouts", type=Path, help="what keypoints.training.shards cut out of photos; procedural without")
    chosen = parser.parse_args(arguments)
    cutouts = load_cutouts(chosen.cutouts) if chosen.cutouts else Cutouts()
    render(chosen.folder, range(chosen.first, chosen.first + chosen.count), cutouts, measured=chosen.measured)


if __name__ == "__main__":
    main()
