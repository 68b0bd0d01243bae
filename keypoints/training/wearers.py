"""Who wears a garment: limbs, neck and head of skin around the flat cloth, enough for a network to tell that it is worn."""

from __future__ import annotations

import math

import cv2
import numpy as np

from keypoints.training.cutouts import Cutouts
from keypoints.training.painting import Canvas
from keypoints.training.patterns import Curve, Pattern, smooth
from keypoints.training.textures import Floats, cloth, colour

SKIN = ((236, 198, 172), (214, 168, 138), (184, 132, 100), (142, 96, 70), (96, 64, 48), (70, 46, 36))


def tube(rng: np.random.Generator, canvas: Canvas, line: list[Curve], widths: tuple[float, float], surface: Floats) -> None:
    """A limb along this line in centimetres, round by its light."""
    centre = smooth(*line, steps=8)
    across = np.gradient(centre, axis=0)[:, ::-1] * [-1, 1]
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-9
    half = np.linspace(*widths, len(centre))[:, None] / 2
    mask = canvas.filled(canvas.place(np.vstack([centre + across * half, (centre - across * half)[::-1]])))
    light = 0.75 + 0.25 * cv2.GaussianBlur(mask, (0, 0), 4 * canvas.unit)
    canvas.shade(mask, rng.uniform(0.1, 0.3), 3)
    canvas.lay(mask, surface * light[..., None])


def paint_body(rng: np.random.Generator, canvas: Canvas, pattern: Pattern, points: dict[str, Curve], skin: Floats) -> None:
    """Before the garment: what of the wearer shows beyond it."""
    c = pattern.size
    under = cloth(rng, canvas.shape, Cutouts())[0] if rng.random() < 0.7 else skin
    if "crotch" in points or "waist_left" in points:
        waist = (points["waist_left"] + points["waist_right"]) / 2
        tube(rng, canvas, [waist - [0, 3.2 * c], waist - [0, 1.5 * c], waist + [0, 0.2 * c]], (2.2 * c, 1.9 * c), under)
        ends = [("leg_left_outer", "leg_left_inner"), ("leg_right_outer", "leg_right_inner")]
        for outer, inner in ends if "crotch" in points else []:
            foot, width = (points[outer] + points[inner]) / 2, float(np.linalg.norm(points[outer] - points[inner]))
            tube(rng, canvas, [foot - [0, 0.5 * c], foot, foot + [0, rng.uniform(0.3, 2.0) * c]], (0.7 * width, 0.5 * width), skin)
        if "crotch" in points:
            return
    hem = (points["hem_left"] + points["hem_right"]) / 2
    for sign in (-1, 1):
        leg = hem + [sign * 0.42 * c, 0]
        tube(rng, canvas, [leg - [0, 0.6 * c], leg + [0, 1.2 * c], leg + [0, 3.5 * c]], (0.9 * c, 0.6 * c), under)
    if "shoulder_left" in points:
        for side, sign in (("left", -1), ("right", 1)):
            arm(rng, canvas, points, side, sign, c, skin)


def arm(rng: np.random.Generator, canvas: Canvas, points: dict[str, Curve], side: str, sign: int, c: float, skin: Floats) -> None:
    shoulder = points[f"shoulder_{side}"]
    if f"cuff_{side}_outer" in points:
        cuff = (points[f"cuff_{side}_outer"] + points[f"cuff_{side}_inner"]) / 2
        reach = (cuff - shoulder) / (np.linalg.norm(cuff - shoulder) + 1e-9)
        rest = max(0.35 * c, 2.3 * c - float(np.linalg.norm(cuff - shoulder)))
        hand = cuff + reach * rest + [-sign * rng.uniform(0, 0.3) * c, 0.1 * c]
        tube(rng, canvas, [cuff - reach * 0.3 * c, (cuff + hand) / 2, hand], (0.42 * c, 0.3 * c), skin)
    else:
        hand = shoulder + [sign * rng.uniform(0.2, 0.8) * c, 2.3 * c]
        tube(rng, canvas, [shoulder + [0, 0.15 * c], (shoulder + hand) / 2 + [sign * 0.15 * c, 0], hand], (0.5 * c, 0.3 * c), skin)


def paint_head(rng: np.random.Generator, canvas: Canvas, pattern: Pattern, points: dict[str, Curve], skin: Floats) -> None:
    """Between the back piece and the front: neck, head and hair."""
    if "neck_left" not in points or "shoulder_left" not in points:
        return
    c, base = pattern.size, (points["neck_left"] + points["neck_right"]) / 2
    tube(rng, canvas, [base - [0, 0.9 * c], base, base + [0, 0.6 * c]], (0.5 * c, 0.75 * c), skin)
    head = smooth(*(base + np.array([0.42 * math.cos(a), -1.05 + 0.55 * math.sin(a)]) * c for a in np.linspace(0, 2 * math.pi, 9)), steps=4)
    hair = (colour(rng) * 0.5)[None, None]
    canvas.lay(canvas.filled(canvas.place((head - base) * [1.15, 1.1] + base - [0, 0.08 * c])), hair)
    canvas.lay(canvas.filled(canvas.place((head - base) * [0.92, 0.88] + base - [0, 0.08 * c])), skin)


def skin_tone(rng: np.random.Generator) -> Floats:
    """One colour, (1, 1, 3)."""
    tone = np.array(SKIN[rng.integers(len(SKIN))], np.float32) * rng.uniform(0.85, 1.1)
    return tone.astype(np.float32)[None, None]
