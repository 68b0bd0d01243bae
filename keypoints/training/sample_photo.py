"""A believable photo of a garment beside the scale sheet, of which the true centimetres are known.

`python -m keypoints.training.sample_photo photo.jpg` writes one; with `--json` it prints the truth.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from keypoints import sheet
from keypoints.geometry import Position, definitions_for, length
from keypoints.training.patterns import PATTERNS, Curve, Pattern, laid

Floats = npt.NDArray[np.float32]

PHOTO = (1200, 1600)
GROUND = (132.0, 172.0)
"""Width and height in centimetres of the ground that is painted, seen from straight above, before the camera looks at it."""
DENSITY = 12.0
"""Pixels per centimetre of that painting: a little finer than the photo."""
TOP_LEFT = (-56.0, -46.0)
"""Centimetres at the painting's top left corner."""
COLOURS = ((38, 62, 102), (168, 82, 62), (112, 134, 110), (196, 150, 64), (88, 90, 98), (126, 50, 70))


@dataclass(frozen=True)
class SamplePhoto:
    """An RGB picture, where its points truly are in pixels, and the true measurements in centimetres."""

    picture: npt.NDArray[np.uint8]
    points: Mapping[str, Position]
    centimetres: Mapping[str, float]


def on_painting(curve: Curve) -> Curve:
    return (np.asarray(curve, dtype=np.float64) - TOP_LEFT) * DENSITY


def filled(curve: Curve, shape: tuple[int, int]) -> Floats:
    """Mask 0..1 of the area inside the curve."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(on_painting(curve) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return np.asarray(mask / np.float32(255), dtype=np.float32)


def noise(rng: np.random.Generator, shape: tuple[int, int], across: float, down: float) -> Floats:
    """Smooth noise of deviation 1 with grains of this many centimetres."""
    size = (max(2, round(shape[1] / across / DENSITY)), max(2, round(shape[0] / down / DENSITY)))
    grains = cv2.resize(rng.normal(size=size[::-1]).astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(grains / grains.std(), dtype=np.float32)


def wood(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Planks with grain, their own tones, and dark gaps."""
    columns = np.arange(shape[1], dtype=np.float32) / DENSITY
    plank = (columns // 12).astype(int)
    grain = 0.05 * noise(rng, shape, 0.12, 9) + 0.04 * np.sin(9 * noise(rng, shape, 3.5, 45))
    tone = rng.normal(0, 0.05, plank.max() + 1)[plank]
    gap = 1 - 0.55 * np.exp(-(((columns % 12) / 0.12) ** 2))
    return np.asarray(np.array([186, 148, 108]) * ((1 + grain + tone) * gap)[..., None], dtype=np.float32)


def linen(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """A pale cloth: crossed threads and soft waves."""
    threads = 0.025 * noise(rng, shape, 0.1, 2.5) + 0.025 * noise(rng, shape, 2.5, 0.1) + 0.03 * noise(rng, shape, 14, 18)
    return np.asarray(np.array([214, 206, 192]) * (1 + threads)[..., None], dtype=np.float32)


def wrinkles(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Height of creased cloth in centimetres: long low ridges in a few directions, and dents between them."""
    rows, columns = np.mgrid[: shape[0] // 4, : shape[1] // 4].astype(np.float32) * 4 / DENSITY
    height = np.zeros_like(rows)
    for _ in range(70):
        x, y, angle = rng.uniform(0, GROUND[0]), rng.uniform(0, GROUND[1]), rng.normal(1.2, 0.7)
        along = (columns - x) * math.cos(angle) + (rows - y) * math.sin(angle)
        across = (rows - y) * math.cos(angle) - (columns - x) * math.sin(angle) + 0.012 * along**2
        width = rng.uniform(0.5, 1.8)
        height += rng.uniform(-0.34, 0.34) * width * np.exp(-((across / width) ** 2) - (along / rng.uniform(5, 16)) ** 2)
    return np.asarray(cv2.resize(height, shape[::-1], interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def shading(mask: Floats, height: Floats) -> Floats:
    """Light from the upper left on cloth of this height whose edges fall to the ground."""
    distance = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / DENSITY
    surface = cv2.GaussianBlur(height + 0.35 * (1 - np.exp(-distance / 0.5)), (0, 0), 2)
    slope = (cv2.Sobel(surface, cv2.CV_32F, 1, 0) + 1.3 * cv2.Sobel(surface, cv2.CV_32F, 0, 1)) / 8 * DENSITY
    return np.asarray(np.clip(1 + 0.55 * np.tanh(slope), 0.45, 1.4), dtype=np.float32)


def shadow(painting: Floats, mask: Floats, *, depth: float) -> None:
    """Darken the ground around a thing that lies `depth` centimetres high."""
    for sigma, strength in ((0.35 * depth, 0.4), (1.6 * depth, 0.3)):
        away = np.array([[1, 0, depth * DENSITY * 0.5], [0, 1, depth * DENSITY * 0.7]])
        moved = cv2.warpAffine(mask, away, mask.shape[::-1])
        painting *= (1 - strength * cv2.GaussianBlur(moved, (0, 0), sigma * DENSITY) * (1 - mask))[..., None]


def lay_garment(rng: np.random.Generator, painting: Floats, pattern: Pattern, lay: Callable[[Curve], Curve]) -> None:
    """Paint the garment's pieces, with their shadows, and its seams."""
    shape = (painting.shape[0], painting.shape[1])
    colour = np.array(COLOURS[rng.integers(len(COLOURS))])
    threads = 0.035 * noise(rng, shape, 0.08, 0.5) + 0.03 * noise(rng, shape, 0.5, 0.08) + 0.02 * noise(rng, shape, 9, 9)
    cloth = (colour * (1 + threads)[..., None]).astype(np.float32)
    height = wrinkles(rng, shape)
    covered = np.zeros(shape, np.float32)
    for part in pattern.parts:
        mask = filled(lay(part.outline), shape)
        shadow(painting, mask, depth=0.5)
        light = shading(mask, height) * (0.55 if part.inside else 1.0)
        painting += (cloth * light[..., None] - painting) * mask[..., None]
        covered = np.maximum(covered, mask)
    lines = np.zeros(shape, np.uint8)
    cv2.polylines(lines, [np.round(on_painting(lay(seam)) * 16).astype(np.int32) for seam in pattern.seams], False, 255, 1, cv2.LINE_AA, 4)
    groove = cv2.GaussianBlur(lines.astype(np.float32) / 255, (0, 0), 0.8) * covered
    painting *= (1 - 0.6 * groove)[..., None]


def sheet_picture(density: int = 40) -> npt.NDArray[np.uint8]:
    """The scale sheet as it is printed, grey, this many pixels per centimetre."""
    page = np.full((round(sheet.A4.height * density), round(sheet.A4.width * density)), 250, np.uint8)
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, sheet.DICTIONARY))
    side = round(sheet.MARKER_CENTIMETRES * density)
    for marker, (x, y) in sheet.A4.markers.items():
        left, upper = round(x * density), round(y * density)
        page[upper : upper + side, left : left + side] = cv2.aruco.generateImageMarker(dictionary, marker, side)
    cv2.putText(page, "FitSize", (7 * density, 15 * density), cv2.FONT_HERSHEY_SIMPLEX, density / 18, 90, density // 10, cv2.LINE_AA)
    return page


def lay_sheet(rng: np.random.Generator, painting: Floats, corner: Position) -> None:
    """Paint the sheet with its top left corner here, in centimetres, slightly turned."""
    page, turn = sheet_picture(), rng.normal(0, 0.05)
    left, upper = on_painting(np.array(corner))
    cosine, sine = math.cos(turn) * DENSITY / 40, math.sin(turn) * DENSITY / 40
    matrix = np.array([[cosine, -sine, left], [sine, cosine, upper]])
    small = cv2.GaussianBlur(page, (0, 0), 1.2)
    size = (painting.shape[1], painting.shape[0])
    mask = np.asarray(cv2.warpAffine(np.ones(page.shape, np.float32), matrix, size), dtype=np.float32)
    shadow(painting, mask, depth=0.18)
    painting += (cv2.warpAffine(small, matrix, size).astype(np.float32)[..., None] - painting) * mask[..., None]


def camera(rng: np.random.Generator, target: Position, reach: float) -> Curve:
    """The 3x3 matrix from centimetres to photo pixels: a phone above `target`, tilted 3 to 9 degrees, seeing `reach` across."""
    width, height = PHOTO
    focal = 0.95 * width
    axis, tilt = rng.uniform(0, 2 * math.pi), math.radians(rng.uniform(3, 9))
    tilted, _ = cv2.Rodrigues(np.array([math.cos(axis) * tilt, math.sin(axis) * tilt, rng.normal(0, 0.03)]))
    lens = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    distance = np.array([0, 0, focal * reach / width])
    centred = np.array([[1, 0, -target[0]], [0, 1, -target[1]], [0, 0, 1]])
    return np.asarray(lens @ np.column_stack([tilted[:, 0], tilted[:, 1], distance]) @ centred, dtype=np.float64)


def photographed(rng: np.random.Generator, painting: Floats, matrix: Curve) -> npt.NDArray[np.uint8]:
    """What the camera sees of the painting: perspective, a corner farther from the window, softness and grain."""
    to_centimetres = np.array([[1 / DENSITY, 0, TOP_LEFT[0]], [0, 1 / DENSITY, TOP_LEFT[1]], [0, 0, 1]])
    photo = cv2.warpPerspective(painting, matrix @ to_centimetres, PHOTO, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    rows, columns = np.mgrid[: PHOTO[1], : PHOTO[0]].astype(np.float32) / PHOTO[1]
    photo *= (1.1 - 0.14 * rows - 0.12 * columns)[..., None]
    photo = cv2.GaussianBlur(photo, (0, 0), 0.7) + rng.normal(0, 2.2, photo.shape)
    return np.asarray(np.clip(photo, 0, 255), dtype=np.uint8)


def render(clothing: str, seed: int, *, with_sheet: bool = True) -> SamplePhoto:
    """The same photo for the same arguments."""
    rng = np.random.default_rng(seed)
    pattern, lay = PATTERNS[clothing](rng), laid(rng)
    names = list(pattern.points)
    truth = {name: (float(x), float(y)) for name, (x, y) in zip(names, lay(np.array(list(pattern.points.values()))), strict=True)}
    shape = (round(GROUND[1] * DENSITY), round(GROUND[0] * DENSITY))
    painting = (wood if rng.random() < 0.6 else linen)(rng, shape)
    lay_garment(rng, painting, pattern, lay)
    low, high = np.min(list(truth.values()), axis=0), np.max(list(truth.values()), axis=0)
    outline = np.vstack([lay(part.outline) for part in pattern.parts])
    beside = outline[outline[:, 1] > high[1] - 40]
    corner = (float(beside[:, 0].max()) + 4.0, float(high[1]) - 34.0)
    if with_sheet:
        lay_sheet(rng, painting, corner)
    right = corner[0] + sheet.A4.width
    middle = ((float(low[0]) + right) / 2, float(low[1] + high[1]) / 2)
    matrix = camera(rng, middle, reach=max(1.12 * (right - float(low[0])), 0.92 * float(high[1] - low[1])))
    pixels = cv2.perspectiveTransform(np.array([list(truth.values())]), matrix)[0]
    return SamplePhoto(
        picture=photographed(rng, painting, matrix),
        points={name: (float(x), float(y)) for name, (x, y) in zip(names, pixels, strict=True)},
        centimetres={definition.name: round(length(definition, truth), 2) for definition in definitions_for(names)},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="where the JPEG goes")
    parser.add_argument("--clothing", choices=list(PATTERNS), default="short_sleeve_top")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-sheet", action="store_true", help="leave the scale sheet away")
    parser.add_argument("--json", action="store_true", help="print the true measurements in centimetres")
    arguments = parser.parse_args()
    photo = render(arguments.clothing, arguments.seed, with_sheet=not arguments.no_sheet)
    Image.fromarray(photo.picture).save(arguments.file, quality=90)
    if arguments.json:
        print(json.dumps({"clothing": arguments.clothing, "seed": arguments.seed, "centimetres": photo.centimetres}, indent=2))


if __name__ == "__main__":
    main()
