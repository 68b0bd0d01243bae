"""Tops, outwear and dresses of every cut, as patterns: what a shop may sell, not what is beautiful."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from keypoints.inference.sides import along
from keypoints.landmarks import CATEGORY, dress_side_shares
from keypoints.training.patterns import Curve, Detail, Part, Pattern, mirror, one_of, smooth
from keypoints.training.styles import SIDES, Draft, Half, Style, half, styled

STRONG_BEND = 0.9
"""Radians: a sleeve bent more than this at the elbow lies on itself, so it is two pieces."""
VISIBLE_GAP = 0.02
"""Half chests between sleeve and side where a person says they part: there the armpit is marked, not at the end of its seam."""
FARTHEST_ARMPIT = 0.6
"""Half chests from the seam's end; where sleeve and side part farther down, or nowhere, nobody can see where the armpit is."""


def upper(rng: np.random.Generator, category: str, *, hanging: bool = False) -> Pattern:
    """A random garment of this category: any top, outwear or dress. `hanging`: its sleeves hang down."""
    style = styled(rng, category, hanging=hanging)
    draft = Draft()
    left, right = (half(rng, style) for _ in SIDES)
    body(rng, draft, style, left, right)
    for (side, sign), piece in zip(SIDES, (left, right), strict=True):
        side_points(draft, style, piece, side, sign)
        if style.sleeved:
            sleeve(rng, draft, style, piece, side, sign)
        elif style.straps:
            strap(rng, draft, style, piece, side, sign)
    if not style.straps and not style.back_view:
        collar(rng, draft, style, outwear="outwear" in category)
    trimmings(rng, draft, style)
    names = CATEGORY[category].points
    return Pattern(
        parts=tuple(part for _, part in sorted(draft.layers, key=lambda layer: layer[0])),
        seams=tuple(draft.seams),
        points={name: (float(draft.points[name][0]), float(draft.points[name][1])) for name in names},
        details=tuple(draft.details),
        hidden=frozenset(draft.hidden & set(names)),
        size=style.chest,
    )


def body(rng: np.random.Generator, draft: Draft, style: Style, left: Half, right: Half) -> None:
    """Front and back piece, the neck's points, the hem and what shows between the edges of an open front."""
    neck_left, neck_right = left.neck * [-1, 1], right.neck
    front = neckline(rng, style, neck_left, neck_right, style.front_depth)
    back = neckline(rng, style, neck_left, neck_right, style.back_depth, round_=True)
    middle = np.array([rng.normal(0, 0.02) * style.chest, style.length + style.hem_curve])
    sag = [0, 0.3 * style.hem_curve]
    hem = smooth(right.hem, (right.hem + middle) / 2 + sag, middle, (left.hem * [-1, 1] + middle) / 2 + sag, left.hem * [-1, 1], steps=8)
    upper_edge = back if style.back_view else front
    right_edge = np.vstack([right.armhole if style.straps else np.vstack([right.shoulder_line, right.armhole[1:]]), right.side[1:]])
    left_edge = np.vstack([left.armhole if style.straps else np.vstack([left.shoulder_line, left.armhole[1:]]), left.side[1:]])
    draft.points |= {"neck_left": neck_left, "neck_right": neck_right, "neck_front": along(front, 0.5), "neck_back": along(back, 0.5)}
    draft.points |= {"neckline_left": along(front, 0.25), "neckline_right": along(front, 0.75), "hem_middle": middle}
    outline = np.vstack([upper_edge, right_edge[1:], hem[1:-1], mirror(left_edge)[:-1]])
    draft.add(1, Part(outline))
    if style.back_view:
        draft.hidden |= {"neck_front", "neckline_left", "neckline_right"}
    else:
        draft.add(-1, Part(np.vstack([back, front[::-1]]), inside=True, role="back", holds=("neck_back",)))
    front_edges(rng, draft, style, along(front, 0.5), middle)
    if rng.random() < 0.5:
        draft.seams.append(hem * [0.985, 1] - [0, rng.uniform(0.03, 0.12) * style.chest])
    if style.dress and rng.random() < 0.5:
        draft.seams.append(np.linspace(left.waist * [-1, 1], right.waist, 8))
    if rng.random() < 0.6 and not style.straps:
        draft.seams.append(upper_edge * [1.08, 1] + [0, rng.uniform(0.04, 0.09) * style.chest])


def neckline(rng: np.random.Generator, style: Style, left: Curve, right: Curve, depth: float, *, round_: bool = False) -> Curve:
    """From the left to the right end of the neck, `depth` below them in the middle."""
    low = np.array([rng.normal(0, 0.01) * style.chest, max(left[1], right[1]) + depth])
    if style.vee and not round_:
        bow = 0.03 * style.chest
        return smooth(left, 0.45 * left + 0.55 * low + [-bow, -bow], low, 0.45 * right + 0.55 * low + [bow, -bow], right, steps=6)
    k = rng.uniform(0.75, 0.95)
    steep = [np.array([end[0] * k, 0.45 * end[1] + 0.55 * low[1]]) for end in (left, right)]
    flat = [np.array([end[0] * 0.5, 0.1 * end[1] + 0.9 * low[1]]) for end in (left, right)]
    return smooth(left, steep[0], flat[0], low, flat[1], steep[1], right, steps=5)


def front_edges(rng: np.random.Generator, draft: Draft, style: Style, top: Curve, bottom: Curve) -> None:
    """The two edges of an open or buttoned front; for a closed one only buttons, sometimes."""
    c = style.chest
    if not style.open_front:
        if not style.back_view and style.sleeved and rng.random() < 0.22:
            end = bottom if rng.random() < 0.8 else top + [0, 0.5 * c]
            draft.seams.append(np.linspace(top, end, 6) + [0.03 * c, 0])
            draft.details.append(Detail("buttons", np.linspace(top, end, int(rng.integers(4, 9))), 0.03 * c))
        return
    width = one_of(rng, (0.5, 0, 0.001), (0.3, 0.02, 0.2), (0.2, 0.2, 0.6)) * c
    edges = []
    for side, sign in SIDES:
        start, end = top + [sign * 0.3 * width, 0], bottom + [sign * width, 0]
        edge = smooth(start, 0.6 * start + 0.4 * end + [sign * 0.2 * width, 0], end)
        draft.points |= {f"front_{side}_top": start, f"front_{side}_bottom": end}
        draft.points |= {f"front_{side}_upper": along(edge, 0.4), f"front_{side}_lower": along(edge, 0.7)}
        edges.append(edge)
    if style.back_view:
        draft.hidden |= {f"front_{side}_{height}" for side, _ in SIDES for height in ("top", "upper", "lower", "bottom")}
        return
    draft.seams += edges
    if width > 0.02 * c:
        draft.add(1.5, Part(np.vstack([edges[0], edges[1][::-1]]), inside=True, role="inside"))
    if rng.random() < 0.5:
        draft.details.append(Detail("buttons", np.linspace(top, bottom, int(rng.integers(4, 9))), 0.035 * c))


def side_points(draft: Draft, style: Style, piece: Half, side: str, sign: int) -> None:
    flip = np.array([sign, 1])
    found = {"shoulder": piece.shoulder, "armpit": piece.armpit, "hem": piece.hem}
    draft.points |= {f"{name}_{side}": position * flip for name, position in found.items()}
    shares: Mapping[str, float] = {"upper": 0.2, "middle": 0.5, "lower": 0.6}
    draft.points |= {f"side_{side}_{name}": along(piece.side, share) * flip for name, share in shares.items()}
    heights = dress_side_shares(sleeved=style.sleeved)
    draft.points |= {f"dress_side_{side}_{number}": along(piece.side, share) * flip for number, share in enumerate(heights, 1)}


def sleeve(rng: np.random.Generator, draft: Draft, style: Style, piece: Half, side: str, sign: int) -> None:
    """A tube from the armhole, hanging at any angle; long ones may bend at the elbow and lie on the body."""
    c = style.chest
    reach = c * (one_of(rng, (0.88, 1.7, 2.6), (0.12, 1.1, 1.6)) if style.long else rng.uniform(0.3, 0.95))
    angle, bend = posture(rng, style)
    opening = float(np.linalg.norm(piece.armpit - piece.shoulder))
    cuff = opening * (rng.uniform(0.33, 0.72) if style.long else rng.uniform(0.7, 1.05))
    directions = [np.array([math.cos(a), math.sin(a)]) for a in (angle, angle + bend, angle + bend + rng.normal(0, 0.12))]
    elbow = piece.shoulder + directions[0] * 0.5 * reach
    outer = elbow + directions[1] * 0.5 * reach
    across = np.array([-directions[2][1], directions[2][0]])
    inner = outer + across * cuff
    if not style.long:  # the mouth of a short sleeve lies beside the body, seldom on it
        aside = max(0.0, one_of(rng, (0.88, 1.03, 1.2), (0.12, 0.55, 1.0)) * beside_at(piece, inner) - inner[0])
        inner[0], outer[0], elbow[0] = inner[0] + aside, outer[0] + 0.8 * aside, elbow[0] + 0.4 * aside
    middle_angle = angle + bend / 2
    crook = elbow + np.array([-math.sin(middle_angle), math.cos(middle_angle)]) * (0.45 * opening + 0.5 * cuff)
    if style.long and abs(bend) < 0.5 and rng.random() < 0.65:  # people lay sleeves beside the body, not on it
        aside = max(0.0, beside_at(piece, crook) + rng.uniform(-0.02, 0.3) * c - crook[0])
        elbow, outer, inner, crook = (place + [share * aside, 0] for place, share in ((elbow, 0.8), (outer, 1), (inner, 1), (crook, 1)))
    puff = [0.03 * c, 0]
    upper_edge = smooth(piece.shoulder, piece.shoulder + directions[0] * 0.25 * reach + puff, elbow, (elbow + outer) / 2, outer, steps=8)
    if style.long:
        under = smooth(inner, (inner + crook) / 2, crook, (crook + piece.armpit) / 2 + [0, 0.02 * c], piece.armpit, steps=8)
    else:
        under = smooth(inner, (inner + piece.armpit) / 2 + [0, rng.uniform(-0.03, 0.03) * c], piece.armpit, steps=8)
    mouth = np.linspace(outer, inner, 8) + np.outer(np.sin(np.linspace(0, math.pi, 8)), directions[1] * rng.uniform(-0.02, 0.06) * c)
    names = sleeve_points(draft, side, sign, upper_edge, under)
    flip = np.array([sign, 1])
    aside_enough = visible_armpit(piece, under, c)
    over = 2.0 if abs(bend) > 0.5 or inner[0] < 0.9 * piece.armpit[0] and rng.random() < 0.7 else float(rng.choice([0.0, 2.0]))
    if aside_enough is not None:
        draft.points[f"armpit_{side}"] = aside_enough * flip
    elif over:
        draft.hidden.add(f"armpit_{side}")
    arm = np.vstack([upper_edge, mouth[1:-1], under, piece.armhole[::-1][1:-1]])
    turn = sign * (90 - math.degrees(angle))
    role = f"sleeve_{side}"
    if abs(bend) > STRONG_BEND:
        half_way = len(upper_edge) // 2
        lower = np.vstack([upper_edge[half_way:], mouth[1:-1], under[: len(under) // 2 + 1]])
        top = np.vstack([upper_edge[: half_way + 1], under[len(under) // 2 :], piece.armhole[::-1][1:-1]])
        draft.add(over, Part(top * flip, role=role, turn=turn, holds=names))
        draft.add(over + 0.1, Part(lower * flip, role=role, turn=sign * (90 - math.degrees(angle + bend)), holds=names))
    else:
        draft.add(over, Part(arm * flip, role=role, turn=turn, holds=names))
    draft.seams.append(piece.armhole * flip)
    if rng.random() < 0.6:
        stitch = directions[1] * rng.uniform(0.03, 0.14) * c
        draft.seams.append(np.linspace(outer - stitch, inner - stitch, 6) * flip)


def beside_at(piece: Half, place: Curve) -> float:
    """How far out the body's side is at the height of this place."""
    order = np.argsort(piece.side[:, 1])
    return float(np.interp(place[1], piece.side[order, 1], piece.side[order, 0]))


def visible_armpit(piece: Half, under: Curve, chest: float) -> Curve | None:
    """Where the gap between side and sleeve, whose lower edge runs from the cuff to the armpit, begins to show; None for nowhere near."""
    for place in (along(under, float(share)) for share in np.linspace(1, 0, 80)):
        if np.linalg.norm(place - piece.armpit) > FARTHEST_ARMPIT * chest:
            return None
        side = beside_at(piece, place)
        if place[0] - side >= VISIBLE_GAP * chest or place[1] < piece.armpit[1] - VISIBLE_GAP * chest:
            return np.array([max(side, (side + place[0]) / 2 - VISIBLE_GAP * chest), max(place[1], piece.armpit[1])])
    return None


def posture(rng: np.random.Generator, style: Style) -> tuple[float, float]:
    """Angle of the upper arm below the horizontal and bend at the elbow, in radians; positive bends bring the hand to the body."""
    if not style.long:
        return math.radians(rng.uniform(30, 65) if style.hanging else rng.uniform(10, 60)), rng.normal(0, 0.05)
    if style.hanging:
        return math.radians(rng.uniform(68, 93)), rng.normal(0, 0.08)
    angle, bend = math.radians(one_of(rng, (0.3, 12, 55), (0.7, 55, 90))), rng.normal(0, 0.18)
    kind = rng.random()
    if kind < 0.1:  # laid over the body
        return math.radians(rng.uniform(70, 95)), rng.uniform(0.5, 2.2)
    if kind < 0.2:
        bend += rng.uniform(0.3, 0.9)
    elif kind < 0.27:
        bend -= rng.uniform(0.2, 0.7)
    return angle, bend


def sleeve_points(draft: Draft, side: str, sign: int, outer: Curve, inner: Curve) -> tuple[str, ...]:
    """`inner` runs from the cuff to the armpit."""
    points = {f"cuff_{side}_outer": outer[-1], f"cuff_{side}_inner": inner[0]}
    for height, share in (("upper", 0.25), ("middle", 0.5), ("lower", 0.75)):
        points[f"sleeve_{side}_outer_{height}"] = along(outer, share)
        points[f"sleeve_{side}_inner_{height}"] = along(inner, 1 - share)
    draft.points |= {name: position * [sign, 1] for name, position in points.items()}
    return (*points, f"shoulder_{side}")


def strap(rng: np.random.Generator, draft: Draft, style: Style, piece: Half, side: str, sign: int) -> None:
    width = rng.uniform(0.015, 0.06) * style.chest
    low, high = piece.neck + [0, 0.3], piece.shoulder
    band = np.array([low - [width, 0], high - [width, 0], high + [width, 0], low + [width, 0]])
    draft.add(2.0 if rng.random() < 0.6 else 0.0, Part(band * [sign, 1], role="strap", holds=(f"shoulder_{side}",)))


def collar(rng: np.random.Generator, draft: Draft, style: Style, *, outwear: bool) -> None:
    """Collars stand on the neckline: shirt, band, hood, lapels, and the turtleneck of jumpers."""
    chance = rng.random()
    if not outwear and (not style.sleeved or chance > 0.42):
        return
    if not outwear and chance > 0.3:
        if style.long:
            standing(draft, style, style.chest * rng.uniform(0.15, 0.45))
        return
    kind = rng.choice(["shirt", "band", "hood", "lapel"], p=[0.5, 0.2, 0.17, 0.13])
    height = style.chest * rng.uniform(0.1, 0.26)
    if kind == "band":
        standing(draft, style, height)
    elif kind == "hood":
        hood(rng, draft, style)
    else:
        flaps(rng, draft, style, height, lapel=kind == "lapel")


def standing(draft: Draft, style: Style, height: float) -> None:
    left, right, front = (draft.points[name] for name in ("neck_left", "neck_right", "neck_front"))
    top = smooth(left, left * 0.92 - [0, height], (0.0, -1.02 * height), right * 0.92 - [0, height], right, steps=6)
    lower = smooth(right, (right + front) / 2 + [0.1 * right[0], 0.25 * style.front_depth], front, steps=6)
    other = smooth(front, (left + front) / 2 + [0.1 * left[0], 0.25 * style.front_depth], left, steps=6)
    draft.add(3, Part(np.vstack([top, lower[1:], other[1:-1]]), role="collar"))
    draft.points["neck_back"] = np.array([0.0, -1.02 * height])


def hood(rng: np.random.Generator, draft: Draft, style: Style) -> None:
    left, right, front = (draft.points[name] for name in ("neck_left", "neck_right", "neck_front"))
    height, width = style.chest * rng.uniform(0.55, 1.0), rng.uniform(1.2, 1.7)
    wide = (left * [width, 0] - [0, 0.45 * height], right * [width, 0] - [0, 0.45 * height])
    peak = (left * [0.7, 0] - [0, height], right * [0.7, 0] - [0, height])
    outline = np.vstack([smooth(left, wide[0], peak[0], peak[1], wide[1], right, steps=8), front[None]])
    draft.add(-2, Part(outline, role="hood"))


def flaps(rng: np.random.Generator, draft: Draft, style: Style, height: float, *, lapel: bool) -> None:
    left, right, front = (draft.points[name] for name in ("neck_left", "neck_right", "neck_front"))
    c = style.chest
    for end, sign in ((left, -1), (right, 1)):
        if lapel:
            low = front + [0, rng.uniform(0.1, 0.7) * c]
            flap = np.array([end, end + [sign * 0.12 * c, 0.25 * c], 0.6 * end + 0.4 * low + [sign * 0.3 * c, 0], low])
        else:
            tip = 0.55 * front + 0.45 * end + [sign * rng.uniform(0.05, 0.22) * c, rng.uniform(0.05, 0.2) * c]
            fold = smooth(end, end + [-sign * 0.02 * c, -0.5 * height], (0.55 * end[0], end[1] - height), steps=5)
            flap = np.vstack([fold, 0.8 * front + [0, 0.2 * end[1] - 0.04 * c], tip])
        draft.add(3, Part(flap, role="collar"))
    if not lapel:
        top = (left * [0.6, 1] - [0, height], (0.0, left[1] - 1.1 * height), right * [0.6, 1] - [0, height])
        draft.add(-1, Part(smooth(left, *top, right, steps=5), role="back", inside=True))
        draft.points["neck_back"] = np.array([0.0, left[1] - 1.05 * height])


def trimmings(rng: np.random.Generator, draft: Draft, style: Style) -> None:
    c = style.chest
    if rng.random() < 0.45:
        place = np.array([[rng.normal(0, 0.08) * c, style.armhole * rng.uniform(0.8, 1.5)]])
        draft.details.append(Detail("print", place, c * rng.uniform(0.25, 0.85)))
    if rng.random() < 0.3:
        place = np.array([[c * rng.uniform(0.25, 0.5) * rng.choice([-1, 1]), style.armhole * rng.uniform(0.75, 1.0)]])
        draft.details.append(Detail("pocket", place, c * rng.uniform(0.1, 0.18)))
    if rng.random() < 0.12:
        draft.details.append(Detail("string", draft.points["neck_front"][None], c * rng.uniform(0.15, 0.5)))
    if rng.random() < 0.25:  # the woven label inside the neck
        draft.details.append(Detail("label", draft.points["neck_back"][None] + [0, 0.03 * c], 0.07 * c))
