"""Trousers, shorts and skirts of every cut, as patterns.

Proportions are shares of half the waist width (findings/garments.md, section 3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from keypoints.inference.sides import along
from keypoints.landmarks import CATEGORY
from keypoints.training.patterns import Curve, Detail, Part, Pattern, jittered, mirror, one_of, smooth
from keypoints.training.styles import SIDES, Draft

VISIBLE_GAP = 0.035
"""Half waists between the legs where a person says they part: there the crotch is marked, not at its seam (findings, section 1)."""


@dataclass(frozen=True)
class Legs:
    """What both legs share, in centimetres; `touching`: how far below the crotch's seam they still touch."""

    waist: float
    rise: float
    hip: float
    hip_height: float
    length: float
    spread: float
    opening: float
    knee: float
    touching: float
    shorts: bool


@dataclass(frozen=True)
class Leg:
    """One leg, drawn as the right one: waist to outer hem, outer to inner hem, inner hem to crotch."""

    outer: Curve
    hem: Curve
    inner: Curve


def lower(rng: np.random.Generator, category: str) -> Pattern:
    """A random pair of trousers or shorts, or a skirt."""
    draft = Draft()
    width = rng.uniform(11, 17) if rng.random() < 0.2 else rng.uniform(16, 26)
    back_view = rng.random() < 0.2
    if category == "skirt":
        skirt(rng, draft, width)
    else:
        legs(rng, draft, width, shorts=category == "shorts", back_view=back_view)
    if rng.random() < 0.2:
        place = np.array([[0.6 * width * rng.choice([-1, 1]), width * rng.uniform(0.8, 2.5)]])
        draft.details.append(Detail("print", place, width * rng.uniform(0.15, 0.4)))
    return Pattern(
        parts=tuple(part for _, part in sorted(draft.layers, key=lambda layer: layer[0])),
        seams=tuple(draft.seams),
        points={name: (float(draft.points[name][0]), float(draft.points[name][1])) for name in CATEGORY[category].points},
        details=tuple(draft.details),
        size=width,
    )


def legs(rng: np.random.Generator, draft: Draft, width: float, *, shorts: bool, back_view: bool) -> None:
    rise = width * rng.uniform(1.05, 1.75)
    hip = width * rng.uniform(1.06, 1.45)
    below = rng.uniform(0.12, 1.6) if shorts else one_of(rng, (0.85, 2.6, 4.3), (0.15, 1.7, 2.6))
    opening = width * (rng.uniform(0.8, 1.35) if shorts else rng.uniform(0.36, 0.95))
    spread = one_of(rng, (0.8, 0, 0.12), (0.2, 0.12, 0.3))
    touching = min(one_of(rng, (0.4, 0, 0.05), (0.45, 0.05, 0.5), (0.15, 0.5, 1.2)), 0.6 * below)
    cut = Legs(
        waist=width,
        rise=rise,
        hip=hip,
        hip_height=rise * rng.uniform(0.6, 0.95),
        length=rise + width * below,
        spread=spread,
        opening=opening,
        knee=width * rng.uniform(0.5, 0.85),
        touching=width * touching,
        shorts=shorts,
    )
    seam = np.array([rng.normal(0, 0.02) * width, rise])
    left, right = leg(rng, cut, seam * [-1, 1]), leg(rng, cut, seam)
    waist = waistband(rng, draft, width, left.outer[0], right.outer[0])
    for (side, sign), piece in zip(SIDES, (left, right), strict=True):
        leg_points(rng, draft, cut, piece, side, sign)
    draft.points["crotch"] = visible_crotch(left, right, width, seam)
    outline = np.vstack(
        [waist, right.outer[1:], right.hem[1:], right.inner[1:], *(mirror(line)[1:] for line in (left.inner, left.hem, left.outer))]
    )
    draft.add(1, Part(outline))
    if cut.touching:
        touch(draft, cut, seam)
    fly(rng, draft, width, draft.points["waist_middle"], seam, back_view=back_view)


def leg(rng: np.random.Generator, cut: Legs, seam: Curve) -> Leg:
    """`seam`: where the crotch's seam is, seen from this leg as the right one."""
    w = cut.waist
    waist = np.array([jittered(rng, w, 0.025), rng.normal(0, 0.02) * w])
    hip = np.array([jittered(rng, cut.hip, 0.025), cut.hip_height])
    length, slope, gap = jittered(rng, cut.length, 0.012), cut.spread + rng.normal(0, 0.02), rng.uniform(0, 0.12) * w
    inner = np.array([seam[0] + gap + math.tan(slope) * (length - cut.rise), length + rng.normal(0, 0.02) * w])
    turn = 0.8 * slope + rng.normal(0, 0.04)
    outer = inner + np.array([math.cos(turn), -math.sin(turn)]) * cut.opening
    outer[0] = max(outer[0], 0.5 * cut.hip)
    bow = np.outer(np.sin(np.linspace(0, math.pi, 8)), [0, rng.uniform(-0.03, 0.05) * w])
    hem = np.linspace(outer, inner, 8) + bow
    parting = seam + [0, cut.touching]
    if cut.shorts:
        middle = (inner + parting) / 2 + [rng.normal(0, 0.02) * w, 0]
        return Leg(smooth(waist, hip, outer), hem, inner_edge(inner, middle, parting, seam))
    knee_width = max(cut.knee, 0.8 * cut.opening)
    knee_inner = (seam + inner) / 2 + [0.3 * gap, 0]
    knee_outer = knee_inner + np.array([math.cos(slope), -math.sin(slope)]) * knee_width * 1.05
    out = smooth(waist, hip, (knee_outer + hip) / 2 + [0.02 * w, 0], knee_outer, outer)
    middle = knee_inner if knee_inner[1] > parting[1] + 0.3 * w else (inner + parting) / 2
    return Leg(out, hem, inner_edge(inner, middle, 0.7 * parting + 0.3 * middle, parting, seam))


def inner_edge(*through: Curve) -> Curve:
    """From the hem to where the legs part, and straight on to the crotch's seam, the last two of these."""
    return np.vstack([smooth(*through[:-1]), np.linspace(through[-2], through[-1], 6)[1:]])


def leg_points(rng: np.random.Generator, draft: Draft, cut: Legs, piece: Leg, side: str, sign: int) -> None:
    flip = np.array([sign, 1])
    points = {f"waist_{side}": piece.outer[0], f"leg_{side}_outer": piece.outer[-1], f"leg_{side}_inner": piece.inner[0]}
    points |= {f"shorts_side_{side}": along(piece.outer, 0.5), f"hip_{side}": along(piece.outer, 0.27)}
    points |= {f"knee_{side}_outer": along(piece.outer, 0.6), f"knee_{side}_inner": along(piece.inner, 0.5)}
    draft.points |= {name: position * flip for name, position in points.items()}
    w = cut.waist
    if rng.random() < 0.6:
        draft.seams.append((piece.hem - [0, rng.uniform(0.05, 0.2) * w]) * flip)
    if rng.random() < 0.6:
        draft.seams.append(smooth((0.55 * w, 0.12 * w), (0.7 * w, 0.4 * w), (w, 0.5 * w), steps=6) * flip)


def touch(draft: Draft, cut: Legs, seam: Curve) -> None:
    """The fold between legs that touch, in their own shadow."""
    parting, aside = seam + [0, cut.touching], np.array([0.04 * cut.waist, 0])
    middle = (seam + parting) / 2
    draft.add(1.05, Part(np.array([seam - [0, 0.03 * cut.waist], middle + aside, parting, middle - aside])))
    draft.seams.append(np.linspace(seam, parting, 5))


def visible_crotch(left: Leg, right: Leg, width: float, seam: Curve) -> Curve:
    """Where the gap between the legs begins to show; legs that touch to the hem part at the hem."""
    for share in np.linspace(0, 1, 80):
        there, here = along(left.inner[::-1], float(share)) * [-1, 1], along(right.inner[::-1], float(share))
        if here[0] - there[0] >= VISIBLE_GAP * width:
            return np.asarray((there + here) / 2, dtype=np.float64)
    return seam


def waistband(rng: np.random.Generator, draft: Draft, width: float, left: Curve, right: Curve) -> Curve:
    """The front's upper edge, left to right, its points, its seam and sometimes the back that stands up behind it."""
    start, end = left * [-1, 1], right
    sag = rng.uniform(-0.06, 0.14) * width
    middle = np.array([rng.normal(0, 0.02) * width, (start[1] + end[1]) / 2 + sag])
    edge = smooth(start, (start + middle) / 2 + [0, 0.3 * sag], middle, (end + middle) / 2 + [0, 0.3 * sag], end, steps=6)
    draft.points["waist_middle"] = middle
    if rng.random() < 0.33:
        behind = smooth(start, (0.0, -abs(rng.normal(0, 0.08)) * width - 0.02 * width), end, steps=8)
        draft.add(-1, Part(np.vstack([behind, edge[::-1]]), inside=True, role="back"))
    height = rng.uniform(0.1, 0.25) * width
    draft.seams.append(edge + [0, height])
    if rng.random() < 0.25:
        draft.add(3, Part(np.vstack([edge, (edge + [0, height])[::-1]]), role="collar"))
    if rng.random() < 0.25:
        draft.details.append(Detail("string", middle[None] + [0, 0.5 * height], width * rng.uniform(0.2, 0.6)))
    return edge


def fly(rng: np.random.Generator, draft: Draft, width: float, waist: Curve, seam: Curve, *, back_view: bool) -> None:
    """The middle seam with its stitching, or the seat with its pockets. They end where the crotch's point is not: at the seam."""
    top = waist + [0, 0.15 * width]
    draft.seams.append(smooth(top, (top + seam) / 2 + [rng.uniform(0, 0.08) * width, 0], seam, steps=8))
    if back_view:
        for sign in (-1, 1):
            place = np.array([[sign * 0.52 * width, 0.62 * width]])
            draft.details.append(Detail("pocket", place, width * rng.uniform(0.2, 0.3)))
        yoke = [smooth((sign * width, 0.3 * width), (0, 0.45 * width), steps=4) for sign in (-1, 1)]
        draft.seams += yoke
    elif rng.random() < 0.5:
        aside = [rng.choice([-1, 1]) * rng.uniform(0.06, 0.16) * width, 0]
        end = 0.4 * top + 0.6 * seam
        draft.seams.append(smooth(top + aside, (top + end) / 2 + aside, end, steps=6))
    if rng.random() < 0.4:
        away = [rng.uniform(0.3, 0.6) * width * rng.choice([-1, 1]), -rng.uniform(0, 0.15) * width]
        draft.seams.append(np.linspace(seam, seam + away, 5))


def skirt(rng: np.random.Generator, draft: Draft, width: float) -> None:
    length = width * rng.uniform(1.0, 4.0)
    flare = width * one_of(rng, (0.5, 0.85, 1.3), (0.5, 1.2, 2.6))
    curve = rng.uniform(-0.02, 0.5) * (flare - 0.8 * width) if flare > 1.1 * width else rng.uniform(-0.05, 0.06) * width
    sides = []
    for side, sign in SIDES:
        waist = np.array([jittered(rng, width, 0.025), rng.normal(0, 0.02) * width])
        hip = np.array([max(width * rng.uniform(1.05, 1.3), (width + flare) / 2 * rng.uniform(0.92, 1.08)), 0.45 * length])
        hem = np.array([jittered(rng, flare, 0.025), length - max(0.0, curve) * rng.uniform(0.6, 1)])
        line = smooth(waist, hip, hem)
        points = {f"waist_{side}": waist, f"hem_{side}": hem, f"skirt_side_{side}": along(line, 0.5)}
        draft.points |= {name: position * [sign, 1] for name, position in points.items()}
        sides.append(line)
    left, right = sides
    waist_line = waistband(rng, draft, width, left[0], right[0])
    fall = max(curve, -0.04 * width) * rng.uniform(0.3, 0.8)
    middle = np.array([rng.normal(0, 0.02) * width, max(left[-1][1], right[-1][1]) + fall])
    ends = (right[-1], left[-1] * [-1, 1])
    dip = [0, 0.25 * (middle[1] - right[-1][1])]
    hem_line = smooth(ends[0], (ends[0] + middle) / 2 + dip, middle, (ends[1] + middle) / 2 + dip, ends[1], steps=8)
    if flare > 1.3 * width:
        waves = np.sin(np.arange(len(hem_line) - 2) * rng.uniform(0.4, 1.2)) * rng.uniform(0, 0.05) * width
        hem_line[1:-1, 1] += waves
    draft.points["hem_middle"] = along(hem_line, 0.5)
    draft.add(1, Part(np.vstack([waist_line, right[1:], hem_line[1:], mirror(left)[1:]])))
    if rng.random() < 0.5:
        draft.seams.append(hem_line - [0, rng.uniform(0.04, 0.3) * width])
    if rng.random() < 0.4:
        for share in rng.uniform(0.05, 0.95, int(rng.integers(4, 14))):  # pleats
            top, bottom = along(waist_line, float(share)) + [0, 0.15 * width], along(hem_line, 1 - float(share))
            draft.seams.append(np.linspace(top, bottom - [0, rng.uniform(0, 0.4) * length], 4))
