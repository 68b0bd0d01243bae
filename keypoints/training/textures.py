"""Colours, cloth and grounds, procedural or from photos. All pictures are RGB, float32, 0..255."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from keypoints.training.cutouts import Cutouts, Picture

Floats = npt.NDArray[np.float32]
Shape = tuple[int, int]

FABRIC_KINDS = {"plain": 0.2, "photo": 0.34, "tinted photo": 0.18, "stripes": 0.1, "plaid": 0.06, "dots": 0.05, "blotches": 0.07}
"""How often each is chosen; without photos the photo kinds are plain."""
PHOTO_GROUND = 0.7
FABRIC_GROUND = 0.08


def colour(rng: np.random.Generator) -> Floats:
    """A colour of clothes and rooms: often black, white or grey."""
    if rng.random() < 0.45:
        value = rng.choice([rng.uniform(15, 60), rng.uniform(190, 250), rng.uniform(70, 190)])
        return np.asarray(np.clip(value + rng.normal(0, 7, 3), 5, 252), dtype=np.float32)
    hue = np.array([[[rng.integers(0, 180), rng.integers(40, 230), rng.integers(40, 245)]]], np.uint8)
    return np.asarray(cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0], dtype=np.float32)


def even(tint: Floats, shape: Shape) -> Floats:
    return np.full((*shape, 3), tint, np.float32)


def soft_noise(rng: np.random.Generator, shape: Shape, cells: tuple[int, int], strength: float = 1.0) -> Floats:
    """Smooth noise with this many cells down the picture."""
    down = int(rng.integers(cells[0], cells[1] + 1))
    coarse = rng.normal(size=(max(2, down), max(2, down * shape[1] // shape[0] + 1))).astype(np.float32)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC) * strength, dtype=np.float32)


def stretched(rng: np.random.Generator, piece: Picture, shape: Shape, zoom: float) -> Floats:
    """The piece turned, zoomed and mirrored on until it fills the shape."""
    matrix = cv2.getRotationMatrix2D((0, 0), rng.uniform(-15, 15) + 90 * rng.integers(0, 4), zoom)
    matrix[:, 2] = rng.uniform(-50, 50, 2)
    filled = cv2.warpAffine(piece, matrix, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return filled.astype(np.float32)


def waves(shape: Shape, angle: float, period: float) -> Floats:
    """0..1 along `angle` (radians), again and again."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.asarray(((columns * math.cos(angle) + rows * math.sin(angle)) / period) % 1, dtype=np.float32)


def cloth(rng: np.random.Generator, shape: Shape, cutouts: Cutouts) -> tuple[Floats, str]:
    """A cloth that fills the shape, and its kind."""
    kind = str(rng.choice(list(FABRIC_KINDS), p=np.array(list(FABRIC_KINDS.values())) / sum(FABRIC_KINDS.values())))
    base = even(colour(rng), shape)
    unit = shape[0] / 384
    if "photo" in kind and cutouts.fabrics:
        piece = cutouts.fabrics[rng.integers(len(cutouts.fabrics))]
        filled = stretched(rng, piece, shape, rng.uniform(0.6, 1.6) * unit)
        return (filled if kind == "photo" else tinted(filled, base[0, 0])), kind
    if kind in ("stripes", "plaid"):
        base = striped(rng, base, unit, crossed=kind == "plaid")
    elif kind == "dots":
        dotted(rng, base, unit)
    elif kind == "blotches":
        for cells in ((4, 9), (14, 40)):
            base += soft_noise(rng, shape, cells, rng.uniform(5, 30))[..., None] * rng.uniform(0.3, 1, 3).astype(np.float32)
    if rng.random() < 0.6:
        base *= 1 + rng.uniform(0.01, 0.06) * weave(rng, shape)[..., None]
    return base, kind


def tinted(filled: Floats, tint: Floats) -> Floats:
    grey = filled.mean(axis=2, keepdims=True)
    return np.asarray(np.clip(tint * grey / max(30.0, float(grey.mean())), 0, 255), dtype=np.float32)


def weave(rng: np.random.Generator, shape: Shape) -> Floats:
    """Threads: fine noise, drawn out one way."""
    fine = rng.normal(size=shape).astype(np.float32)
    return cv2.blur(fine, (1, int(rng.integers(2, 7)))).astype(np.float32) * 1.5


def striped(rng: np.random.Generator, base: Floats, unit: float, *, crossed: bool) -> Floats:
    shape = (base.shape[0], base.shape[1])
    angle, period, share = rng.choice([0.0, math.pi / 2]), rng.uniform(5, 40) * unit, rng.uniform(0.2, 0.7)
    second = colour(rng)
    base = np.where((waves(shape, angle, period) < share)[..., None], second, base)
    if crossed:
        base = np.where((waves(shape, angle + math.pi / 2, period) < share)[..., None], (base + second) / 2, base)
    return np.asarray(cv2.GaussianBlur(base, (0, 0), 0.6), dtype=np.float32)


def dotted(rng: np.random.Generator, base: Floats, unit: float) -> None:
    period = max(6, int(rng.integers(9, 40) * unit))
    radius, second = max(1, int(period * rng.uniform(0.12, 0.35))), colour(rng)
    places = np.mgrid[0 : base.shape[1] : period, 0 : base.shape[0] : period].reshape(2, -1).T
    for x, y in (places + rng.normal(0, 0.15 * period, places.shape)).astype(int).tolist():
        cv2.circle(base, (x, y), radius, second.tolist(), -1, cv2.LINE_AA)


def ground(rng: np.random.Generator, shape: Shape, cutouts: Cutouts) -> Floats:
    """What the garment lies on or hangs before."""
    chance = rng.random()
    if cutouts.grounds and chance < PHOTO_GROUND:
        return cropped(rng, cutouts.grounds[rng.integers(len(cutouts.grounds))], shape)
    if cutouts.fabrics and chance < PHOTO_GROUND + FABRIC_GROUND:
        return stretched(rng, cutouts.fabrics[rng.integers(len(cutouts.fabrics))], shape, rng.uniform(0.5, 2) * shape[0] / 384)
    base = even(colour(rng), shape)
    unit, kind = shape[0] / 384, rng.random()
    if kind < 0.35:
        return planks(rng, base, unit)
    if kind < 0.55:  # tiles
        angle, period = rng.uniform(-0.5, 0.5), rng.uniform(60, 160) * unit
        for turned in (angle, angle + math.pi / 2):
            base[waves(shape, turned, period) < 0.02] *= 0.7
        return base
    if kind < 0.7:  # a carpet or blanket with a pattern of its own
        return cloth(rng, shape, Cutouts())[0]
    return np.asarray(base + soft_noise(rng, shape, (3, 30), rng.uniform(0, 14))[..., None], dtype=np.float32)


def cropped(rng: np.random.Generator, picture: Picture, shape: Shape) -> Floats:
    scale = max(shape[0] / picture.shape[0], shape[1] / picture.shape[1]) * rng.uniform(1.0, 1.5)
    large = cv2.resize(picture, (int(picture.shape[1] * scale) + 1, int(picture.shape[0] * scale) + 1))
    row, column = (int(rng.integers(0, have - want + 1)) for have, want in zip(large.shape[:2], shape, strict=True))
    crop = large[row : row + shape[0], column : column + shape[1]].astype(np.float32)
    return crop[:, ::-1].copy() if rng.random() < 0.5 else crop


def planks(rng: np.random.Generator, base: Floats, unit: float) -> Floats:
    height, width = base.shape[:2]
    across = rng.random() < 0.5
    phase = waves((height, width), math.pi / 2 if across else 0.0, rng.uniform(20, 90) * unit)
    board = np.cumsum(np.diff(phase[:, 0] if across else phase[0], prepend=0) < 0)
    tones = rng.normal(0, 12, int(board.max()) + 1)[board].astype(np.float32)
    base += (tones[:, None] if across else tones[None])[..., None]
    grain = rng.normal(size=(height // 3 + 1, width // 40 + 2) if across else (height // 40 + 2, width // 3 + 1))
    base += 6 * cv2.resize(grain.astype(np.float32), (width, height))[..., None]
    base[phase < 0.03] *= 0.6
    return base


def creases(rng: np.random.Generator, shape: Shape = (260, 200)) -> Floats:
    """Light on wrinkled cloth: deviation 1, mean about 0; ridges in a few directions."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    height, main = np.zeros(shape, np.float32), rng.uniform(0, math.pi)
    for _ in range(int(rng.integers(6, 26))):
        angle = rng.normal(main, 0.7) if rng.random() < 0.7 else rng.uniform(0, math.pi)
        x, y, width = rng.uniform(0, shape[1]), rng.uniform(0, shape[0]), rng.uniform(1.5, 8)
        on = (columns - x) * math.cos(angle) + (rows - y) * math.sin(angle)
        off = (rows - y) * math.cos(angle) - (columns - x) * math.sin(angle) + rng.normal(0, 0.004) * on**2
        height += rng.choice([-1, 1]) * rng.uniform(0.4, 1) * width * np.exp(-((off / width) ** 2) - (on / rng.uniform(15, 90)) ** 2)
    height += soft_noise(rng, shape, (4, 9), 2.5)
    light = rng.uniform(0, 2 * math.pi)
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0) * math.cos(light) + cv2.Sobel(height, cv2.CV_32F, 0, 1) * math.sin(light)
    return np.asarray(np.clip(slope / (slope.std() + 1e-6), -4, 4), dtype=np.float32)
