"""A picture of a garment of which everything is known: frozen by its seed, so that a number is all one needs to keep.

`scene(seed)` draws what the picture shows (`Recipe`), then the picture. Other `seeds` folders, other pictures: training counts from 0,
judging from `JUDGING_SEEDS` on.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from keypoints.geometry import Position
from keypoints.landmarks import CATEGORY, NO_GARMENT, Visibility
from keypoints.sheet import A4
from keypoints.training import painting, wearers
from keypoints.training.cutouts import Cutouts
from keypoints.training.lowers import lower
from keypoints.training.painting import Canvas
from keypoints.training.patterns import Curve, Part, Pattern
from keypoints.training.sample_photo import sheet_picture
from keypoints.training.textures import Floats, Shape, ground
from keypoints.training.uppers import upper

TRAINING_SHAPE: Shape = (384, 288)
JUDGING_SEEDS = 10_000_000
"""Scenes from here on are for judging: no shard of training scenes reaches them."""

LOWERS = ("shorts", "trousers", "skirt")
FREQUENCY: Mapping[str, float] = {
    "short_sleeve_top": 0.15,
    "long_sleeve_top": 0.15,
    "short_sleeve_outwear": 0.03,
    "long_sleeve_outwear": 0.12,
    "vest": 0.06,
    "sling": 0.04,
    "shorts": 0.1,
    "trousers": 0.13,
    "skirt": 0.07,
    "short_sleeve_dress": 0.05,
    "long_sleeve_dress": 0.04,
    "vest_dress": 0.04,
    "sling_dress": 0.02,
}
PAPER = (A4.width, A4.height)
COVERED = 0.05
"""A point this many half chests inside a piece above it is hidden."""


@dataclass(frozen=True)
class Recipe:
    """What a scene shows. `cut`: the frame cuts the garment; `same_colour`: the ground is of the garment's colour."""

    category: str
    way: str
    shape: Shape = TRAINING_SHAPE
    cut: bool = False
    same_colour: bool = False
    sheet: bool = False
    tilt: float = 0.0
    """Degrees between the camera's axis and the plumb line."""


@dataclass(frozen=True)
class Scene:
    """The picture (RGB) and its truth.

    `positions`: each point of the category in pixels, beyond the frame or hidden as it may be; `centimetres`: the same points on the plane
    they lie on, `homography` takes these to pixels. All three mappings are empty where there is no garment.
    """

    picture: npt.NDArray[np.uint8]
    recipe: Recipe
    positions: Mapping[str, Position]
    presence: Mapping[str, Visibility]
    centimetres: Mapping[str, Position]
    homography: Curve


def random_recipe(rng: np.random.Generator) -> Recipe:
    """The mixture that training sees."""
    if rng.random() < 0.05:
        return Recipe(NO_GARMENT, "flat")
    names = list(FREQUENCY)
    category = str(rng.choice(names, p=np.array(list(FREQUENCY.values())) / sum(FREQUENCY.values())))
    way = str(rng.choice(["flat", "hanger", "worn"], p=[0.68, 0.2, 0.12] if category not in LOWERS else [0.82, 0.06, 0.12]))
    return Recipe(
        category,
        way,
        cut=rng.random() < 0.08,
        same_colour=rng.random() < 0.1,
        sheet=way == "flat" and rng.random() < 0.15,
        tilt=min(28.0, abs(rng.normal(0, 7))),
    )


def measured_recipe(seed: int) -> Recipe:
    """The scenes whose centimetres are judged: a garment laid out beside the sheet, 3 megapixels, each category in turn."""
    rng = np.random.default_rng([seed, 1])
    category = list(CATEGORY)[seed % len(CATEGORY)]
    return Recipe(category, "flat", shape=(2048, 1536), sheet=True, tilt=min(20.0, abs(rng.normal(0, 6))))


def scene(seed: int, cutouts: Cutouts, recipe: Recipe | None = None) -> Scene:
    """The same scene for the same arguments."""
    rng = np.random.default_rng(seed)
    drawn = random_recipe(rng)
    recipe = recipe or drawn
    if recipe.category == NO_GARMENT:
        return without_garment(rng, recipe, cutouts)
    hanging = recipe.way != "flat"
    pattern = lower(rng, recipe.category) if recipe.category in LOWERS else upper(rng, recipe.category, hanging=hanging)
    lay = laid_out(rng, pattern.size)
    names = list(pattern.points)
    points = dict(zip(names, lay(np.array([pattern.points[name] for name in names])), strict=True))
    pattern = replace(pattern, seams=tuple(lay(seam) for seam in pattern.seams))
    parts = tuple(
        replace(part, outline=wavering(rng, lay(part.outline), np.array(list(points.values())), pattern.size)) for part in pattern.parts
    )
    corner = beside(rng, parts) if recipe.sheet else None
    canvas = Canvas(ground(rng, recipe.shape, cutouts), camera(rng, recipe, parts, corner))
    over = paint(rng, canvas, replace(pattern, parts=parts), points, recipe, corner, cutouts, lay)
    positions = dict(zip(names, canvas.place(np.array(list(points.values()))), strict=True))
    return Scene(
        picture=canvas.picture.astype(np.uint8),
        recipe=recipe,
        positions={name: (float(x), float(y)) for name, (x, y) in positions.items()},
        presence={name: presence(name, positions[name], pattern, parts, canvas, over) for name in names},
        centimetres={name: (float(x), float(y)) for name, (x, y) in points.items()},
        homography=canvas.homography,
    )


def without_garment(rng: np.random.Generator, recipe: Recipe, cutouts: Cutouts) -> Scene:
    """A ground, with nothing or some things on it that are no garment."""
    canvas = Canvas(ground(rng, recipe.shape, cutouts), np.eye(3))
    for _ in range(int(rng.integers(0, 4))):
        at = rng.uniform(0.15, 0.85, 2) * canvas.shape[::-1]
        painting.clutter(rng, canvas, cutouts, at=at, size=rng.uniform(0.08, 0.4) * canvas.shape[1])
    painting.paint_light(rng, canvas)
    return Scene(canvas.picture.astype(np.uint8), recipe, {}, {}, {}, np.eye(3))


def laid_out(rng: np.random.Generator, size: float) -> Callable[[Curve], Curve]:
    """How cloth lies: never quite straight. One function for outlines, seams and points, so that they stay together."""
    phases, shear = rng.uniform(0, 2 * math.pi, 4), rng.normal(0, 0.02)
    rates, heights = rng.uniform(0.4, 1.4, 4) * math.pi / (2 * size), rng.normal(0, 0.022, 4) * size

    def lay(curve: Curve) -> Curve:
        x, y = np.asarray(curve, dtype=np.float64).T
        over = heights[:, None] * np.sin(rates[:, None] * np.stack([y, x, x, y]) + phases[:, None])
        return np.column_stack([x + shear * y + over[0] + over[1], y + over[2] + over[3]])

    return lay


def wavering(rng: np.random.Generator, outline: Curve, points: Curve, size: float) -> Curve:
    """The outline with small waves, none at the measuring points."""
    walked = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(outline, axis=0), axis=1))]) / size
    slow, quick = (np.sin(walked * rng.uniform(*rate) + rng.uniform(0, 6)) for rate in ((3, 8), (10, 22)))
    along = np.gradient(outline, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    nearest = np.linalg.norm(outline[:, None] - points[None], axis=2).min(axis=1)
    height = 0.012 * size * (0.6 * slow + 0.4 * quick) * np.clip(nearest / (0.12 * size), 0, 1)
    return np.asarray(outline + along[:, ::-1] * [-1, 1] * height[:, None], dtype=np.float64)


def beside(rng: np.random.Generator, parts: tuple[Part, ...]) -> Curve:
    """Where the sheet's four corners lie, in centimetres, clockwise from its top left: right or left of the garment, a little turned."""
    outline = np.vstack([part.outline for part in parts])
    low, high = outline.min(axis=0), outline.max(axis=0)
    down = rng.uniform(low[1], max(low[1] + 1, high[1] - PAPER[1]))
    near = outline[(outline[:, 1] > down - 3) & (outline[:, 1] < down + PAPER[1] + 3)]
    near = near if len(near) else outline
    gap = rng.uniform(2.5, 8)
    left = near[:, 0].max() + gap if rng.random() < 0.5 else near[:, 0].min() - gap - PAPER[0]
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * PAPER
    turn = rng.normal(0, 0.06)
    spin = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return np.asarray((corners - corners.mean(axis=0)) @ spin + corners.mean(axis=0) + [left, down], dtype=np.float64)


def camera(rng: np.random.Generator, recipe: Recipe, parts: tuple[Part, ...], corner: Curve | None) -> Curve:
    """From centimetres to pixels: a tilted pinhole camera, then the frame chosen around what is shown."""
    shown = np.vstack([part.outline for part in parts] + ([corner] if corner is not None else []))
    height, width = recipe.shape
    centre, reach = (shown.min(axis=0) + shown.max(axis=0)) / 2, float(np.ptp(shown, axis=0).max())
    axis, tilt = rng.uniform(0, 2 * math.pi), math.radians(recipe.tilt)
    spin = math.radians(rng.normal(0, 5) if rng.random() < 0.85 else rng.normal(0, 22))
    turned, _ = cv2.Rodrigues(np.array([0.0, 0.0, spin]))
    tilted, _ = cv2.Rodrigues(np.array([math.cos(axis) * tilt, math.sin(axis) * tilt, 0.0]))
    rotation = tilted @ turned
    distance = reach * rng.uniform(1.1, 2.0)
    view = np.column_stack([rotation[:, 0], rotation[:, 1], [0, 0, distance]]) @ np.array(
        [[1, 0, -centre[0]], [0, 1, -centre[1]], [0, 0, 1.0]]
    )
    seen = cv2.perspectiveTransform(shown[None], view)[0]
    low, high = seen.min(axis=0), seen.max(axis=0)
    scale = rng.uniform(0.66, 1.02) * float(min(width / (high[0] - low[0]), height / (high[1] - low[1])))
    shift = rng.normal(0, 0.02, 2) * [width, height]
    if recipe.cut:
        scale *= rng.uniform(1.1, 1.7)
        shift += rng.uniform(-0.25, 0.25, 2) * [width, height]
    offset = np.array([width, height]) / 2 - scale * (low + high) / 2 + shift
    frame = np.array([[scale, 0, offset[0]], [0, scale, offset[1]], [0, 0, 1]])
    return np.asarray(frame @ view, dtype=np.float64)


def paint(
    rng: np.random.Generator,
    canvas: Canvas,
    pattern: Pattern,
    points: dict[str, Curve],
    recipe: Recipe,
    corner: Curve | None,
    cutouts: Cutouts,
    lay: Callable[[Curve], Curve],
) -> Floats:
    """The whole picture from the ground up; gives the mask of what lies over the garment."""
    materials = painting.cloths(rng, canvas.shape, cutouts)
    if recipe.same_colour:
        canvas.picture[:] = alike(rng, canvas.picture, materials.main)
    if rng.random() < 0.12:
        edge = rng.uniform(0, 1, 2) * canvas.shape[::-1]
        painting.clutter(rng, canvas, cutouts, at=edge, size=rng.uniform(0.05, 0.25) * canvas.shape[1])
    if corner is not None:
        paint_sheet(canvas, corner)
    skin = wearers.skin_tone(rng)
    if recipe.way == "worn":
        wearers.paint_body(rng, canvas, pattern, points, skin)
    outlines = [canvas.place(part.outline) for part in pattern.parts]
    covered = np.max([canvas.filled(outline) for outline in outlines], axis=0)
    canvas.shade(covered, rng.uniform(0.1, 0.55), rng.uniform(1.5, 7), rng.normal(0, 5, 2) * canvas.unit)
    if recipe.way == "hanger":
        painting.paint_hanger(rng, canvas, pattern, points)
    body = next(number for number, part in enumerate(pattern.parts) if part.role == "body")
    for number, (part, outline) in enumerate(zip(pattern.parts, outlines, strict=True)):
        if number == body and recipe.way == "worn":
            wearers.paint_head(rng, canvas, pattern, points, skin)
        painting.paint_part(rng, canvas, part, outline, materials)
    painting.paint_seams(rng, canvas, list(pattern.seams), covered)
    for detail in pattern.details:
        painting.paint_detail(rng, canvas, replace(detail, at=lay(detail.at)), covered, cutouts)
    over = np.zeros(canvas.shape, np.float32)
    if rng.random() < 0.08:
        over = painting.clutter(
            rng, canvas, cutouts, at=rng.uniform(0.1, 0.9, 2) * canvas.shape[::-1], size=rng.uniform(0.03, 0.14) * canvas.shape[1]
        )
    painting.paint_light(rng, canvas)
    return over


def alike(rng: np.random.Generator, picture: Floats, cloth: Floats) -> Floats:
    """The ground in the colour of the cloth, with less contrast: white on white, black on black."""
    middle = picture.mean(axis=(0, 1))
    return np.asarray(
        (picture - middle) * rng.uniform(0.2, 0.7) + cloth.mean(axis=(0, 1)) + rng.normal(0, 9) + rng.normal(0, 3, 3), dtype=np.float32
    )


@functools.lru_cache(maxsize=8)
def printed(density: int) -> npt.NDArray[np.uint8]:
    return sheet_picture(density)


def paint_sheet(canvas: Canvas, corner: Curve) -> None:
    density = int(np.clip(round(2 * painting.scale_at(canvas, corner[0])), 8, 40))
    page = printed(density)
    edges = np.array([[0, 0], [page.shape[1], 0], [page.shape[1], page.shape[0]], [0, page.shape[0]]], np.float32)
    matrix = cv2.getPerspectiveTransform(edges, canvas.place(corner).astype(np.float32))
    soft = cv2.GaussianBlur(page, (0, 0), 0.8)
    drawn = cv2.warpPerspective(soft, matrix, canvas.shape[::-1], flags=cv2.INTER_AREA).astype(np.float32)
    mask = canvas.filled(canvas.place(corner))
    canvas.shade(mask, 0.2, 2)
    canvas.lay(mask, np.repeat(drawn[..., None], 3, axis=2))


def presence(name: str, at: Curve, pattern: Pattern, parts: tuple[Part, ...], canvas: Canvas, over: Floats) -> Visibility:
    """Absent beyond the frame; hidden on the far side, under a piece that lies above its own, or under a thing."""
    height, width = canvas.shape
    if not (0 <= at[0] < width and 0 <= at[1] < height):
        return Visibility.ABSENT
    if name in pattern.hidden or over[int(at[1]), int(at[0])] > 0.5:
        return Visibility.HIDDEN
    own = next((number for number, part in enumerate(parts) if name in part.holds), None)
    if own is None:
        own = next(number for number, part in enumerate(parts) if part.role == "body")
    above = [part for part in parts[own + 1 :] if part.role not in (parts[own].role, "inside")]
    margin = COVERED * pattern.size * painting.scale_at(canvas, np.zeros(2))
    pixel = (float(at[0]), float(at[1]))
    if any(cv2.pointPolygonTest(canvas.place(part.outline).astype(np.float32), pixel, True) > margin for part in above):
        return Visibility.HIDDEN
    return Visibility.VISIBLE
