"""Painting cloth, hangers and clutter onto a ground, in place. Pictures are RGB, float32, 0..255.

Everything is drawn in the picture's pixels through `Canvas.place`, from centimetres on the plane on which the garment lies.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import cv2
import numpy as np

from keypoints.training.cutouts import Cutouts
from keypoints.training.patterns import Curve, Detail, Part, Pattern, smooth
from keypoints.training.textures import Floats, Shape, cloth, colour, creases

CREASES = 48
"""Wrinkled sheets that are made once and then turned and cropped: one takes as long as half a picture."""


@dataclass
class Canvas:
    """A picture in the making. `homography` takes centimetres to pixels."""

    picture: Floats
    homography: Curve

    def __post_init__(self) -> None:
        self.picture = np.ascontiguousarray(self.picture, dtype=np.float32)

    @property
    def shape(self) -> Shape:
        return self.picture.shape[0], self.picture.shape[1]

    @property
    def unit(self) -> float:
        """Pixels that are one pixel of a picture 384 high."""
        return float(self.picture.shape[0] / 384)

    def place(self, curve: Curve) -> Curve:
        pixels = cv2.perspectiveTransform(np.asarray(curve, np.float64).reshape(1, -1, 2), self.homography)
        return np.asarray(pixels[0], dtype=np.float64)

    def filled(self, pixels: Curve) -> Floats:
        """Mask 0..1 of the area inside this outline in pixels."""
        mask = np.zeros(self.shape, np.uint8)
        cv2.fillPoly(mask, [np.round(np.clip(pixels, -9999, 9999) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        return np.asarray(mask * np.float32(1 / 255), dtype=np.float32)

    def window(self, pixels: Curve, margin: float = 20) -> tuple[slice, slice]:
        """Rows and columns of the box around this outline."""
        low = np.clip(pixels.min(axis=0) - margin * self.unit, 0, 1e5).astype(int)
        high = np.clip(pixels.max(axis=0) + margin * self.unit + 1, 0, 1e5).astype(int)
        return slice(low[1], high[1]), slice(low[0], high[0])

    def lay(self, mask: Floats, covering: Floats) -> None:
        self.picture += (covering - self.picture) * mask[..., None]

    def shade(self, mask: Floats, strength: float, sigma: float, shift: Curve | None = None) -> None:
        """Darken around a thing."""
        soft = cv2.GaussianBlur(mask, (0, 0), sigma * self.unit)
        if shift is not None:
            soft = cv2.warpAffine(soft, np.array([[1, 0, shift[0]], [0, 1, shift[1]]]), self.shape[::-1])
        self.picture *= (1 - strength * soft * (1 - mask))[..., None]


@functools.lru_cache(maxsize=1)
def crease_sheets() -> tuple[Floats, ...]:
    rng = np.random.default_rng(20)
    return tuple(creases(rng) for _ in range(CREASES))


def creased(rng: np.random.Generator, shape: Shape) -> Floats:
    sheet = crease_sheets()[rng.integers(CREASES)][:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
    return cv2.resize(np.ascontiguousarray(sheet), shape[::-1]).astype(np.float32)


@dataclass(frozen=True)
class Cloths:
    """The cloths one garment is made of."""

    main: Floats
    sleeves: Floats
    trim: Floats
    striped: bool
    relief: Floats


def cloths(rng: np.random.Generator, shape: Shape, cutouts: Cutouts) -> Cloths:
    main, kind = cloth(rng, shape, cutouts)
    other = cloth(rng, shape, cutouts)[0] if rng.random() < 0.35 else main
    relief = creased(rng, shape) * rng.uniform(0.05, 0.22) * (0.5 if kind == "photo" else 1)
    sleeves, trim = (other if rng.random() < 0.45 else main for _ in range(2))
    return Cloths(main, sleeves, trim, kind in ("stripes", "plaid"), relief)


def paint_part(rng: np.random.Generator, canvas: Canvas, part: Part, outline: Curve, materials: Cloths) -> None:
    """Paint one piece with the shadow it throws. Only its window of the picture is worked on: that is half of the renderer's time."""
    surface, light = surface_of(rng, canvas, part, materials)
    soft, falloff, dark = rng.uniform(1.5, 6) * canvas.unit, rng.uniform(0.0, 0.45), rng.uniform(0.1, 0.5)
    rows, columns = canvas.window(outline)
    picture, mask = canvas.picture[rows, columns], canvas.filled(outline)[rows, columns]
    if not mask.size:
        return
    edge = 1 - falloff * (1 - np.clip(cv2.GaussianBlur(mask, (0, 0), soft) * 2 - 1, 0, 1))
    picture *= (1 - dark * cv2.GaussianBlur(mask, (0, 0), 1.6 * canvas.unit) * (1 - mask))[..., None]
    relief = materials.relief[rows, columns] * (1.0 if part.role == "body" or "sleeve" in part.role else 0.6)
    shown = surface[rows, columns] * ((1 + relief) * edge * light)[..., None]
    picture += (np.clip(shown, 0, 255) - picture) * mask[..., None]


def surface_of(rng: np.random.Generator, canvas: Canvas, part: Part, materials: Cloths) -> tuple[Floats, float]:
    """The cloth of this piece and how bright it is."""
    if part.inside:
        return materials.main, rng.uniform(0.45, 0.85)
    if part.role.startswith("sleeve"):
        surface = materials.sleeves
        if materials.striped or rng.random() < 0.3:
            height, width = canvas.shape
            turned = cv2.getRotationMatrix2D((width / 2, height / 2), -part.turn, 1)
            surface = cv2.warpAffine(surface, turned, (width, height), borderMode=cv2.BORDER_REFLECT_101).astype(np.float32)
        return surface, 1 + rng.normal(0, 0.04)
    if part.role in ("collar", "hood"):
        return materials.trim, 1 + rng.normal(0, 0.05)
    return materials.main, 1.0


def paint_seams(rng: np.random.Generator, canvas: Canvas, seams: list[Curve], covered: Floats) -> None:
    """Grooves, or sometimes bright stitches, each of its own strength."""
    lines = np.zeros(canvas.shape, np.float32)
    for seam in seams:
        thick = int(rng.integers(1, 3) * max(1.0, canvas.unit))
        pixels = np.round(np.clip(canvas.place(seam), -9999, 9999) * 16).astype(np.int32)
        cv2.polylines(lines, [pixels], False, float(rng.uniform(0.1, 0.9)), thick, cv2.LINE_AA, 4)
    lines = cv2.GaussianBlur(lines, (0, 0), 0.7 * canvas.unit).astype(np.float32) * covered
    sign = -0.55 if rng.random() < 0.8 else 0.33
    canvas.picture *= (1 + sign * lines)[..., None]


def paint_detail(rng: np.random.Generator, canvas: Canvas, detail: Detail, covered: Floats, cutouts: Cutouts) -> None:
    pixels = canvas.place(detail.at)
    size = max(1.0, detail.size * scale_at(canvas, detail.at[0]))
    layer = canvas.picture.copy()
    tint = colour(rng).tolist()
    if detail.kind == "buttons":
        for x, y in pixels.tolist():
            cv2.circle(layer, (round(x), round(y)), max(1, round(size)), tint, -1, cv2.LINE_AA)
    elif detail.kind == "print":
        paint_print(rng, layer, pixels[0], size, cutouts)
    elif detail.kind == "pocket":
        corner = np.array([[-1, -1], [1, -1], [1, 0.9], [0, 1.2], [-1, 0.9]]) * size + pixels[0]
        edge = (layer.mean(axis=(0, 1)) * rng.uniform(0.3, 0.8)).tolist()
        cv2.polylines(layer, [np.round(corner).astype(np.int32)], True, edge, max(1, round(canvas.unit)), cv2.LINE_AA)
    elif detail.kind == "label":
        low, high = pixels[0] - [size / 2, 0], pixels[0] + [size / 2, 0.7 * size]
        cv2.rectangle(layer, np.round(low).astype(int).tolist(), np.round(high).astype(int).tolist(), tint, -1)
    else:
        for sign in (-1, 1):
            fall = smooth(pixels[0], pixels[0] + [0.2 * sign * size, size / 2], pixels[0] + [sign * rng.uniform(0, 0.4) * size, size])
            cv2.polylines(layer, [np.round(fall).astype(np.int32)], False, tint, max(1, round(2 * canvas.unit)), cv2.LINE_AA)
    canvas.lay(covered * rng.uniform(0.6, 1.0), layer)


def scale_at(canvas: Canvas, position: Curve) -> float:
    """Pixels per centimetre there."""
    here = canvas.place(np.array([position, position + [1.0, 0.0]]))
    return float(np.linalg.norm(here[1] - here[0]))


def paint_print(rng: np.random.Generator, layer: Floats, at: Curve, size: float, cutouts: Cutouts) -> None:
    """A photo, letters or blots."""
    kind = rng.random()
    if kind < 0.35 and cutouts.fabrics:
        paste(rng, layer, at, size, cutouts)
    elif kind < 0.7:
        text = "".join(chr(rng.integers(65, 91)) for _ in range(int(rng.integers(2, 9))))
        letters = max(0.3, size / 30 * rng.uniform(0.5, 1.2))
        place = (int(at[0] - len(text) * 9 * letters), int(at[1]))
        patch = np.clip(layer, 0, 255).astype(np.uint8)
        cv2.putText(
            patch, text, place, int(rng.choice([0, 2, 3, 4, 6, 7])), letters, colour(rng).tolist(), max(1, int(letters * 2.5)), cv2.LINE_AA
        )
        layer[:] = patch
    else:
        for _ in range(int(rng.integers(1, 9))):
            blot(rng, layer, at + rng.normal(0, 0.35 * size, 2), size * rng.uniform(0.1, 0.6))


def paste(rng: np.random.Generator, layer: Floats, at: Curve, size: float, cutouts: Cutouts) -> None:
    height, width = (max(4, int(size * rng.uniform(0.8, 2))) for _ in range(2))
    piece = cv2.resize(cutouts.fabrics[rng.integers(len(cutouts.fabrics))], (width, height)).astype(np.float32)
    top, left = int(at[1] - height / 2), int(at[0] - width / 2)
    rows, columns = slice(max(0, top), max(0, top + height)), slice(max(0, left), max(0, left + width))
    target = layer[rows, columns]
    target[:] = piece[rows.start - top :, columns.start - left :][: target.shape[0], : target.shape[1]]


def blot(rng: np.random.Generator, layer: Floats, at: Curve, radius: float) -> None:
    axes = (int(radius) + 1, int(radius * rng.uniform(0.3, 1)) + 1)
    thick = -1 if rng.random() < 0.6 else int(rng.integers(1, 5))
    cv2.ellipse(layer, (round(at[0]), round(at[1])), axes, rng.uniform(0, 180), 0, 360, colour(rng).tolist(), thick, cv2.LINE_AA)


def paint_hanger(rng: np.random.Generator, canvas: Canvas, pattern: Pattern, points: dict[str, Curve]) -> None:
    """Before the garment: arms from the neck to the shoulders, or a bar with two clips at the waist."""
    tint, thick = colour(rng).tolist(), max(2, round(rng.uniform(2, 8) * canvas.unit))
    if "shoulder_left" in points:
        left, right = points["shoulder_left"] * 0.9, points["shoulder_right"] * 0.9
        top = (points["neck_left"] + points["neck_right"]) / 2
        ends = [top, left + [0, 0.1 * pattern.size], top, right + [0, 0.1 * pattern.size]]
    else:
        left, right = points["waist_left"] * 0.75, points["waist_right"] * 0.75
        top = (left + right) / 2 - [0, rng.uniform(0.05, 0.2) * pattern.size]
        ends = [
            left + [0, 0.05 * pattern.size],
            left * [1, 0] + top * [0, 1],
            right * [1, 0] + top * [0, 1],
            right + [0, 0.05 * pattern.size],
        ]
    cv2.polylines(canvas.picture, [np.round(canvas.place(np.array(ends))).astype(np.int32)], False, tint, thick, cv2.LINE_AA)
    hook = canvas.place(np.array([top, top - [0, rng.uniform(0.25, 0.6) * pattern.size]]))
    metal = [float(rng.uniform(60, 210))] * 3
    cv2.polylines(canvas.picture, [np.round(hook).astype(np.int32)], False, metal, max(1, thick // 2), cv2.LINE_AA)
    centre = np.round(hook[1] + [4 * canvas.unit, 0]).astype(int).tolist()
    cv2.ellipse(
        canvas.picture, centre, (round(6 * canvas.unit), round(8 * canvas.unit)), 0, 90, 300, metal, max(1, thick // 2), cv2.LINE_AA
    )


def clutter(rng: np.random.Generator, canvas: Canvas, cutouts: Cutouts, *, at: Curve, size: float) -> Floats:
    """A thing of any cloth, a shoe, a bag, a cushion, at this place of the picture; gives its mask."""
    count = int(rng.integers(4, 9))
    angles = np.sort(rng.uniform(0, 2 * math.pi, count))
    radii = size * rng.uniform(0.5, 1.0, count)
    knots = at + np.column_stack([np.cos(angles), rng.uniform(0.5, 1.0) * np.sin(angles)]) * radii[:, None]
    outline = smooth(*knots, knots[0], steps=6) if rng.random() < 0.6 else knots
    mask = canvas.filled(outline)
    canvas.shade(mask, rng.uniform(0.1, 0.5), rng.uniform(1.5, 6))
    surface, _ = cloth(rng, canvas.shape, cutouts)
    canvas.lay(mask, np.clip(surface * (1 + 0.15 * creased(rng, canvas.shape))[..., None], 0, 255))
    return mask


def paint_light(rng: np.random.Generator, canvas: Canvas) -> None:
    """A window to one side, soft shadows, and the camera's exposure."""
    height, width = canvas.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    angle = rng.uniform(0, 2 * math.pi)
    slope = ((columns / width - 0.5) * math.cos(angle) + (rows / height - 0.5) * math.sin(angle)) * rng.uniform(0, 0.5)
    light = (1 + slope) * rng.uniform(0.8, 1.15)
    if rng.random() < 0.4:
        cells, strength = rng.normal(size=(int(rng.integers(2, 5)), 3)).astype(np.float32), rng.uniform(0.03, 0.18)
        light = light * (1 + np.clip(cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC) * strength, -0.5, 0.5))
    canvas.picture *= light[..., None]
    np.clip(canvas.picture, 0, 255, out=canvas.picture)
