"""How an upper garment is cut: what is decided for both sides, and one half of its body.

Proportions are shares of half the chest width; their ranges come from findings/garments.md, section 3, and from looking at the photos.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from keypoints.training.patterns import Curve, Detail, Part, jittered, one_of, smooth

SIDES = (("left", -1), ("right", 1))


@dataclass(frozen=True)
class Style:
    """What is decided once for both sides; lengths in centimetres."""

    chest: float
    length: float
    neck: float
    shoulder: float
    drop: float
    armhole: float
    waist: float
    waist_height: float
    hem: float
    hem_curve: float
    hem_rise: float
    front_depth: float
    back_depth: float
    vee: bool
    back_view: bool
    sleeved: bool
    long: bool
    dress: bool
    open_front: bool
    straps: bool
    hanging: bool


@dataclass
class Draft:
    """A pattern in the making; `layers` holds (height, part)."""

    layers: list[tuple[float, Part]] = field(default_factory=list)
    seams: list[Curve] = field(default_factory=list)
    points: dict[str, Curve] = field(default_factory=dict)
    details: list[Detail] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)

    def add(self, height: float, part: Part) -> None:
        self.layers.append((height, part))


@dataclass(frozen=True)
class Half:
    """One half of the body, drawn as the right one."""

    neck: Curve
    shoulder: Curve
    armpit: Curve
    waist: Curve
    hem: Curve
    shoulder_line: Curve
    armhole: Curve
    side: Curve


def styled(rng: np.random.Generator, category: str, *, hanging: bool) -> Style:
    dress, outwear = "dress" in category, "outwear" in category
    straps, sleeved = "sling" in category, "sleeve" in category
    chest = rng.uniform(14, 22) if rng.random() < 0.2 else rng.uniform(20, 33)
    if dress:
        chest = min(chest, rng.uniform(17, 27))
    if outwear:
        chest *= rng.uniform(1.0, 1.15)
    length = one_of(rng, (0.9, 1.9, 3.2), (0.1, 1.4, 1.9)) if not dress else rng.uniform(3.0, 5.2)
    if outwear and rng.random() < 0.25:
        length = rng.uniform(3.0, 4.2)
    shoulder = rng.uniform(0.72, 1.02) if sleeved else rng.uniform(0.5, 0.92)
    neck = min(rng.uniform(0.26, 0.46), 0.75 * shoulder) if rng.random() < 0.88 or outwear else shoulder * rng.uniform(0.7, 0.92)
    front = one_of(rng, (0.6, 0.18, 0.4), (0.25, 0.4, 0.8), (0.15, 0.7, 1.15)) if not straps else rng.uniform(0.02, 0.35)
    curve = one_of(rng, (0.85, -0.06, 0.14), (0.15, 0.14, 0.4))
    armhole = rng.uniform(0.72, 1.12)
    return Style(
        chest=chest,
        length=chest * length,
        neck=chest * neck,
        shoulder=chest * shoulder,
        drop=chest * rng.uniform(0.06, 0.28),
        armhole=chest * armhole,
        waist=chest * rng.uniform(0.78, 1.04),
        waist_height=chest * (armhole + (length - armhole) * (rng.uniform(0.2, 0.38) if dress else rng.uniform(0.35, 0.6))),
        hem=chest * (rng.uniform(0.85, 2.2) if dress else rng.uniform(0.84, 1.15)),
        hem_curve=chest * curve,
        hem_rise=chest * (rng.uniform(0, 0.1) if curve > 0 else 0),
        front_depth=chest * front,
        back_depth=chest * min(0.6 * front, rng.uniform(0.03, 0.18)),
        vee=rng.random() < 0.35,
        back_view=rng.random() < 0.14,
        sleeved=sleeved,
        long="long" in category,
        dress=dress,
        open_front=outwear,
        straps=straps,
        hanging=hanging,
    )


def half(rng: np.random.Generator, style: Style) -> Half:
    """One half, a little different from the other: cloth is never laid out evenly."""
    c = style.chest
    neck = np.array([jittered(rng, style.neck), 0.0])
    shoulder = np.array([jittered(rng, style.shoulder), jittered(rng, style.drop, 0.08)])
    armpit = np.array([jittered(rng, c), jittered(rng, style.armhole)])
    waist = np.array([jittered(rng, style.waist, 0.02), style.waist_height])
    hem = np.array([jittered(rng, style.hem), style.length - style.hem_rise + rng.normal(0, 0.012) * style.length])
    if style.straps:
        neck = np.array([jittered(rng, style.neck, 0.06), c * rng.uniform(0.3, 0.55)])
        shoulder = np.array([neck[0] * rng.uniform(0.6, 1.1), c * rng.uniform(-0.25, 0.05)])
        armpit = np.array([armpit[0], max(armpit[1] * 0.95, neck[1] + 0.12 * c)])
    if style.dress:
        skirt = 0.55 * waist + 0.45 * hem + [rng.uniform(0, 0.16) * c, 0]
        side = smooth(armpit, (armpit + waist) / 2 + [rng.uniform(-0.05, 0.02) * c, 0], waist, skirt, hem, steps=10)
    else:
        side = smooth(armpit, waist, hem)
    shoulder_line = smooth(neck, (neck + shoulder) / 2 + [0, rng.uniform(-0.03, 0.01) * c], shoulder, steps=6)
    return Half(neck, shoulder, armpit, waist, hem, shoulder_line, armhole(rng, style, neck, shoulder, armpit), side)


def armhole(rng: np.random.Generator, style: Style, neck: Curve, shoulder: Curve, armpit: Curve) -> Curve:
    """From the shoulder (for straps: from the upper edge) down to the armpit, hollowed towards the body."""
    c = style.chest
    if style.straps:
        return smooth(neck, 0.45 * neck + 0.55 * armpit + [-0.1 * c * rng.random(), 0.02 * c], armpit, steps=10)
    hollow = 0.13 if style.sleeved else rng.uniform(0.05, 0.2)
    return smooth(shoulder, (shoulder + armpit) / 2 + [-hollow * c, 0.03 * c], armpit, steps=10)
