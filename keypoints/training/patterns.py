"""Garments as flat outlines in centimetres, each a little different, with their measuring points."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from keypoints.geometry import Position
from keypoints.landmarks import mirrored

Curve = npt.NDArray[np.float64]
"""Positions in centimetres, (count, 2); x to the right of the garment's middle, y down from its upper edge."""


@dataclass(frozen=True)
class Part:
    """One piece of cloth; `inside`: its darker inner face shows. `role`: what it is, for the painter.

    `holds`: points that are its own, not the body's: hidden where a later piece of another role covers them. `turn`: degrees by which
    its threads are turned against the body's.
    """

    outline: Curve
    inside: bool = False
    role: str = "body"
    turn: float = 0.0
    holds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Detail:
    """Something sewn on or printed: `buttons` along a line, a `print`, a `pocket` or `string` at a place; `size` in centimetres."""

    kind: str
    at: Curve
    size: float


@dataclass(frozen=True)
class Pattern:
    """A garment in centimetres: pieces from lowest to topmost, seams, and its measuring points.

    `hidden`: points that cannot be seen however the garment lies. `size`: half its chest or waist, the unit of what is drawn on it.
    """

    parts: tuple[Part, ...]
    seams: tuple[Curve, ...]
    points: Mapping[str, Position]
    details: tuple[Detail, ...] = ()
    hidden: frozenset[str] = frozenset()
    size: float = 25.0


def jittered(rng: np.random.Generator, value: float, spread: float = 0.03) -> float:
    return float(value * (1 + rng.normal(0, spread)))


def one_of(rng: np.random.Generator, *ranges: tuple[float, float, float]) -> float:
    """A number from one of these (weight, low, high)."""
    weights = np.array([weight for weight, _, _ in ranges])
    _, low, high = ranges[rng.choice(len(ranges), p=weights / weights.sum())]
    return float(rng.uniform(low, high))


def smooth(*through: tuple[float, float] | Curve, steps: int = 16) -> Curve:
    """A Catmull-Rom curve through these positions."""
    knots = np.array(through, dtype=np.float64)
    knots = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(knots, knots[1:], knots[2:], knots[3:], strict=False):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.vstack([*pieces, knots[-2:-1]])


def mirror(curve: Curve) -> Curve:
    """The curve on the other side of the garment, walked backwards."""
    return (curve * [-1, 1])[::-1]


def both_sides(right: Mapping[str, Position]) -> dict[str, Position]:
    return {**right, **{mirrored(name): (-x, y) for name, (x, y) in right.items()}}


def top(rng: np.random.Generator, *, sleeve: float, cuff: float, angle: float) -> Pattern:
    """A crew-neck shirt; sleeve and cuff in centimetres, angle of the sleeves below the horizontal in degrees."""
    size = rng.uniform(0.93, 1.07)
    neck, shoulder, armpit = np.array([8.6, 0.0]), np.array([22.5, 4.2]) * size, np.array([26.0, 25.0]) * size
    hem, depth = np.array([25.6, 71.0 * rng.uniform(0.95, 1.05)]) * size, 9.0
    along = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    outer = shoulder + along * sleeve * size
    inner = outer + np.array([-along[1], along[0]]) * cuff * size
    side = smooth(armpit, (armpit + hem) / 2 - [0.8, 0], hem)
    bottom = smooth(hem, (hem[0] / 2, hem[1] + 0.6), (0, hem[1] + 0.8), (-hem[0] / 2, hem[1] + 0.6), hem * [-1, 1])
    armhole = smooth(shoulder, (shoulder + armpit) / 2 - [2.6, -1.0], armpit)
    front = smooth(neck, (neck[0] * 0.78, depth * 0.62), (0, depth), (-neck[0] * 0.78, depth * 0.62), neck * [-1, 1])
    back = smooth(neck, (neck[0] * 0.5, 1.7), (0, 2.2), (-neck[0] * 0.5, 1.7), neck * [-1, 1])
    body = np.vstack([front[::-1], armhole, side, bottom, mirror(side), mirror(armhole)])
    upper, under = smooth(shoulder, (shoulder + outer) / 2 + [0.5, -0.6], outer), smooth(inner, (inner + armpit) / 2 + [0.3, 0.5], armpit)
    arm = np.vstack([upper, under, armhole[::-1]])
    cuff_stitch = np.linspace(outer - along * 2.2, inner - along * 2.2, 9)
    seams = (armhole, mirror(armhole), front * 1.2, back + [0, 1.9], bottom - [0, 2.2], bottom - [0, 2.7], cuff_stitch, mirror(cuff_stitch))
    right = {"neck_right": neck, "shoulder_right": shoulder, "armpit_right": armpit, "hem_right": hem}
    right |= {"cuff_right_outer": outer, "cuff_right_inner": inner}
    points = both_sides({name: (float(x), float(y)) for name, (x, y) in right.items()})
    parts = (Part(np.vstack([back, front[::-1]]), inside=True), Part(arm), Part(mirror(arm)), Part(body))
    return Pattern(parts, seams, points | {"neck_front": (0.0, depth)})


def trousers(rng: np.random.Generator) -> Pattern:
    """Straight trousers with a waistband, legs a little apart."""
    size = rng.uniform(0.95, 1.05)
    waist, hip, crotch = np.array([20.5, 0.0]) * size, np.array([25.5, 20.0]) * size, np.array([0.0, 29.0]) * size
    inner = np.array([5.0, 103.0 * rng.uniform(0.96, 1.02)]) * size
    outer = inner + np.array([20.0, -0.6]) * size
    out = smooth(waist, hip, (hip + outer) / 2 + [-0.8, 4], outer)
    inside = smooth(inner, (inner + crotch) / 2 + [-0.2, 2], crotch)
    band = smooth(waist, (0, 1.2), waist * [-1, 1])
    fly = smooth((0, 5.0), (0.4, 18.0), crotch)
    stitch = np.linspace(outer - [0, 2.5], inner - [0, 2.5], 6)
    pocket = smooth((waist[0] * 0.55, 5.2), (waist[0] * 0.72, 10), (hip[0] * 0.95, 14))
    right = {"waist_right": waist, "leg_right_outer": outer, "leg_right_inner": inner}
    points = both_sides({name: (float(x), float(y)) for name, (x, y) in right.items()})
    body = np.vstack([band[::-1], out, inside, mirror(inside), mirror(out)])
    seams = (band + [0, 4.2], fly, stitch, mirror(stitch), pocket, mirror(pocket))
    gap_begins = inside[inside[:, 0] >= 0.35, 1].min()  # the crotch is marked where the legs visibly part (findings/garments.md, section 1)
    return Pattern((Part(body),), seams, points | {"crotch": (0.0, float(gap_begins))})


PATTERNS: Mapping[str, Callable[[np.random.Generator], Pattern]] = {
    "short_sleeve_top": lambda rng: top(rng, sleeve=rng.uniform(19, 23), cuff=18.0, angle=rng.uniform(32, 46)),
    "long_sleeve_top": lambda rng: top(rng, sleeve=rng.uniform(56, 61), cuff=10.5, angle=rng.uniform(62, 70)),
    "trousers": trousers,
}


def laid(rng: np.random.Generator) -> Callable[[Curve], Curve]:
    """How cloth lies on the ground: never quite straight. One function for outlines, seams and points, so that they stay together."""
    phases, turn = rng.uniform(0, 2 * math.pi, 2), rng.normal(0, 0.015)

    def shift(curve: Curve) -> Curve:
        x, y = np.asarray(curve, dtype=np.float64).T
        return np.column_stack([x + 0.5 * np.sin(y / 13 + phases[0]) - turn * y, y + 0.5 * np.sin(x / 11 + phases[1]) + turn * x])

    return shift
