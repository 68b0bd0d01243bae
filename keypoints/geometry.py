"""Arithmetic of garment measurements: lengths between points, centimetres by a homography, and how far off they may be.

All widths are of the flat garment, edge to edge (ISO 18890:2018); girths are twice them, and say so.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, get_args

from keypoints.landmarks import Visibility

Position = tuple[float, float]
Homography = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
"""Rows of the 3x3 matrix that takes pixels to centimetres on the plane the garment lies on."""

ESTIMATED_BELOW = 0.7
"""Points with a confidence under this are flagged. On data/garments/dev 2 % of the points above it are off by more than a twentieth of
the garment's diagonal, of those below it nearly half (`keypoints/inference/weights.md`, Reliability)."""

POINT_ERRORS: tuple[tuple[float, float], ...] = ((0.95, 0.016), (0.85, 0.028), (0.7, 0.053), (0.5, 0.13), (0.0, 0.3))
"""(lowest confidence, error): nine of ten points are closer than this share of the garment's diagonal. Between what 3 381
visible points of 156 scenes that were never trained on have, .012, .024, .041, .111 and .334, and the 359 points of real photos
(data/garments/dev): .017, .028, .058, .150 and .250."""

ALONG_A_LINE = 0.766
"""The 90 % bound of one coordinate over the 90 % bound of the distance, for a round normal error: 1.645 / 2.146."""

NINETY_PERCENT = 1.645
"""Standard deviations to each side that hold nine of ten values of a normal distribution."""

PAPER_ERROR = 0.01
"""Share of a length: paper that is not flat, printers that are not exact, lenses that bend. In renders, without these, the sheet's
homography is off by a median of 0.4-0.5 % and at most 1.1-1.6 % in 95 of 100 cases (findings/garments.md, section 2)."""


CHECK_FROM, REJECT_FROM = 0.12, 0.35
"""A plus-minus of this share of the length: worth a second look; no answer."""
REJECT_BELOW = 0.5
"""Of points with a confidence under this, 78 of 121 are off by more than a twentieth of the diagonal in renders, 2 of 6 on
data/garments/dev."""

Quality = Literal["ok", "check", "rejected"]
QUALITIES: tuple[Quality, ...] = get_args(Quality)
"""Best first."""


@dataclass(frozen=True)
class Point:
    """A point found in a picture, in pixels, with a confidence of 0..1. The position of one that is not `present` means nothing."""

    name: str
    x: float
    y: float
    confidence: float
    visibility: Visibility = Visibility.VISIBLE

    @property
    def present(self) -> bool:
        return self.visibility != Visibility.ABSENT

    @property
    def position(self) -> Position:
        return self.x, self.y

    @property
    def estimated(self) -> bool:
        return self.confidence < ESTIMATED_BELOW


End = tuple[str, ...]
"""Names of points: their middle is one end of a line."""


@dataclass(frozen=True)
class Line:
    """From the middle of some points straight to the middle of others; or, `nearest`, to the nearest place on the path through those."""

    start: End
    end: End
    nearest: bool = False


@dataclass(frozen=True)
class Definition:
    """What is measured: `times` the mean length of one or two straight lines; `taken` says where, since sellers differ.

    `approximate`: an end has no seam or edge to hold it.
    """

    name: str
    taken: str
    lines: tuple[Line, ...]
    approximate: bool = False
    times: int = 1

    @property
    def derived(self) -> bool:
        """A girth that nobody has measured: twice the flat width."""
        return self.times > 1

    @property
    def points(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for line in self.lines for name in line.start + line.end))


@dataclass(frozen=True)
class Scale:
    """Pixels to centimetres; `alternatives` are homographies that the reference would have allowed as well, each as likely as the next.

    `measured`: the reference is large enough to show the perspective, which is otherwise assumed to be that of a phone held about flat.
    """

    homography: Homography
    alternatives: tuple[Homography, ...] = ()
    measured: bool = True


@dataclass(frozen=True)
class Measurement:
    """`centimetres` and `plus_minus` are None without a scale; about nine of ten lengths are truly within `plus_minus`.

    Of an absent point there is no number, `pixels` neither.
    """

    definition: Definition
    pixels: float | None
    centimetres: float | None
    plus_minus: float | None
    quality: Quality


def _right(point: str) -> str:
    return point.replace("left", "right")


def _across(name: str, taken: str, left: str, *, approximate: bool = False) -> Definition:
    return Definition(name, taken, (Line((left,), (_right(left),)),), approximate)


def _on_both_sides(name: str, taken: str, start: str, *path: str) -> Definition:
    """To a point; to the nearest place of a path where there are several."""
    nearest = len(path) > 1
    left = Line((start,), path, nearest)
    right = Line((_right(start),), tuple(_right(point) for point in path), nearest)
    return Definition(name, taken, (left, right), approximate=nearest)


def _between_middles(name: str, taken: str, start: str, end: str) -> Definition:
    return Definition(name, taken, (Line((start, _right(start)), (end, _right(end))),))


def _girth(width: Definition) -> Definition:
    return replace(width, name=width.name.replace("_width", "_girth"), taken=f"twice_{width.taken}", times=2)


WIDTHS: tuple[Definition, ...] = (
    _across("chest_width", "armpit_to_armpit", "armpit_left"),
    _across("waist_width", "waist_corner_to_waist_corner", "waist_left"),
    _across("waist_width", "side_to_side_at_the_waist", "dress_side_left_3", approximate=True),
    _across("hip_width", "side_to_side_at_the_hips", "hip_left", approximate=True),
    _on_both_sides("thigh_width", "crotch_to_nearest_of_outseam", "crotch", "waist_left", "hip_left", "knee_left_outer", "leg_left_outer"),
    _on_both_sides("thigh_width", "crotch_to_nearest_of_outseam", "crotch", "waist_left", "shorts_side_left", "leg_left_outer"),
)
"""Those that people know as girths, too."""

DEFINITIONS: tuple[Definition, ...] = (
    _between_middles("body_length", "middle_of_neck_points_to_middle_of_hem", "neck_left", "hem_left"),
    _across("shoulder_width", "shoulder_point_to_shoulder_point", "shoulder_left"),
    _across("neck_width", "neck_point_to_neck_point", "neck_left"),
    _on_both_sides("sleeve_length", "shoulder_point_to_outer_cuff", "shoulder_left", "cuff_left_outer"),
    _on_both_sides("cuff_width", "outer_cuff_to_inner_cuff", "cuff_left_outer", "cuff_left_inner"),
    Definition("front_rise", "middle_of_waist_to_crotch", (Line(("waist_middle",), ("crotch",)),)),
    _on_both_sides("outseam", "waist_corner_to_outer_leg_hem", "waist_left", "leg_left_outer"),
    _on_both_sides("inseam", "crotch_to_inner_leg_hem", "crotch", "leg_left_inner"),
    _on_both_sides("leg_opening", "outer_leg_hem_to_inner_leg_hem", "leg_left_outer", "leg_left_inner"),
    _between_middles("skirt_length", "middle_of_waist_to_middle_of_hem", "waist_left", "hem_left"),
    _across("hem_width", "hem_corner_to_hem_corner", "hem_left"),
    *WIDTHS,
    *(_girth(width) for width in WIDTHS),
)
DRESS_SIDE = "dress_side_left_3"  # a dress's length is that of a top by another name


def definitions_for(points: Collection[str]) -> list[Definition]:
    """The measurements that a garment with these points has, girths last."""
    return [_named(definition, points) for definition in DEFINITIONS if set(definition.points) <= set(points)]


def _named(definition: Definition, points: Collection[str]) -> Definition:
    is_dress = definition.name == "body_length" and DRESS_SIDE in points
    return replace(definition, name="dress_length") if is_dress else definition


def measure(points: Sequence[Point], scale: Scale | None) -> list[Measurement]:
    """Every measurement of a garment with these points: pixels always, centimetres only with a scale."""
    by_name = {point.name: point for point in points}
    present = {name: point.position for name, point in by_name.items() if point.present}
    plane = Plane(present, scale)
    return [
        plane.measured(definition, by_name)
        if set(definition.points) <= set(present)
        else Measurement(definition, None, None, None, "rejected")
        for definition in definitions_for(by_name)
    ]


class Plane:
    """The points that there are, where they lie in centimetres (in pixels without a scale), and where they might lie as well."""

    def __init__(self, pixels: Mapping[str, Position], scale: Scale | None) -> None:
        self.pixels = pixels
        self.scale = scale
        self.positions = mapped(pixels, scale.homography) if scale else dict(pixels)
        self.alternatives = [mapped(pixels, other) for other in scale.alternatives] if scale else []
        self.diagonal = diagonal(self.positions.values()) if pixels else 0.0

    def measured(self, definition: Definition, points: Mapping[str, Point]) -> Measurement:
        found = length(definition, self.positions)
        from_points = point_part(definition, points, self.positions, self.diagonal)
        from_scale = scale_part(found, [length(definition, other) for other in self.alternatives]) if self.scale else 0.0
        plus_minus = math.hypot(from_points, from_scale)
        used = [points[name] for name in definition.points]
        sure = not definition.approximate and (self.scale is None or self.scale.measured)
        return Measurement(
            definition=definition,
            pixels=length(definition, self.pixels),
            centimetres=found if self.scale else None,
            plus_minus=plus_minus if self.scale else None,
            quality=quality(plus_minus / found if found else math.inf, used, sure=sure),
        )


def quality(relative: float, points: Sequence[Point], *, sure: bool) -> Quality:
    """Of a length with this plus-minus as a share of it, between these points."""
    if relative > REJECT_FROM or any(point.confidence < REJECT_BELOW for point in points):
        return "rejected"
    if not sure or relative > CHECK_FROM or any(point.estimated or point.visibility == Visibility.HIDDEN for point in points):
        return "check"
    return "ok"


def capped(measurements: Sequence[Measurement], caps: Collection[Quality]) -> list[Measurement]:
    """None of them of a better quality than the worst of the caps."""
    worst = max((QUALITIES.index(cap) for cap in caps), default=0)
    return [replace(one, quality=QUALITIES[max(worst, QUALITIES.index(one.quality))]) for one in measurements]


def length(definition: Definition, positions: Mapping[str, Position]) -> float:
    """Mean length of the definition's lines (a girth: twice it), in the unit of the positions."""
    lengths = [math.dist(*ends(line, positions)) for line in definition.lines]
    return definition.times * sum(lengths) / len(lengths)


def ends(line: Line, positions: Mapping[str, Position]) -> tuple[Position, Position]:
    """Where the line begins and ends."""
    start = middle(line.start, positions)
    return start, nearest(start, [positions[name] for name in line.end]) if line.nearest else middle(line.end, positions)


def middle(names: End, positions: Mapping[str, Position]) -> Position:
    return sum(positions[name][0] for name in names) / len(names), sum(positions[name][1] for name in names) / len(names)


def nearest(position: Position, path: Sequence[Position]) -> Position:
    """The place on the path, straight from each position to the next, that is nearest to this one."""
    return min((_foot(position, a, b) for a, b in pairwise(path)), key=lambda foot: math.dist(position, foot))


def _foot(position: Position, start: Position, end: Position) -> Position:
    along = (end[0] - start[0], end[1] - start[1])
    square = along[0] ** 2 + along[1] ** 2
    share = ((position[0] - start[0]) * along[0] + (position[1] - start[1]) * along[1]) / square if square else 0.0
    share = min(max(share, 0.0), 1.0)
    return start[0] + share * along[0], start[1] + share * along[1]


def point_part(definition: Definition, points: Mapping[str, Point], positions: Mapping[str, Position], garment_diagonal: float) -> float:
    """How far points may shift the length, 90 %, in the unit of the positions.

    Each point errs by its `POINT_ERRORS` share of the diagonal, on its own, and counts by how much the length follows it; squares
    add up. On data/garments/dev, which POINT_ERRORS were not read from, 86 % of the 184 measurements that are not rejected lie within it.
    """
    weights = _weights(definition, positions, max(garment_diagonal, 1.0) * 1e-5)
    return (
        ALONG_A_LINE * garment_diagonal * math.hypot(*(weight * point_error(points[name].confidence) for name, weight in weights.items()))
    )


def _weights(definition: Definition, positions: Mapping[str, Position], step: float) -> dict[str, float]:
    """By how much the length changes when a point moves by one, in the direction in which it changes most."""
    weights = {}
    for name in definition.points:
        x, y = positions[name]
        right, left, down, up = (
            length(definition, {**positions, name: moved}) for moved in ((x + step, y), (x - step, y), (x, y + step), (x, y - step))
        )
        weights[name] = math.hypot(right - left, down - up) / (2 * step)
    return weights


def point_error(confidence: float) -> float:
    """The 90 % error of a point with this confidence, as a share of the garment's diagonal. Three digits count: results hold no more, and
    what is measured again from one has to come out alike."""
    return next(error for lowest, error in POINT_ERRORS if round(confidence, 3) >= lowest)


def scale_part(centimetres: float, alternatives: Sequence[float]) -> float:
    """How far the scale may shift a length, 90 %, in centimetres: its spread over the alternative homographies, and the paper's share."""
    variance = sum((other - centimetres) ** 2 for other in alternatives) / max(1, len(alternatives))
    return math.hypot(NINETY_PERCENT * math.sqrt(variance), PAPER_ERROR * centimetres)


def mapped(positions: Mapping[str, Position], homography: Homography) -> dict[str, Position]:
    """The positions on the other side of the homography."""
    return {name: apply(homography, position) for name, position in positions.items()}


def apply(homography: Homography, position: Position) -> Position:
    """One position on the other side of the homography. Raises ZeroDivisionError on its horizon."""
    x, y, divisor = (row[0] * position[0] + row[1] * position[1] + row[2] for row in homography)
    return x / divisor, y / divisor


def pixels_per_centimetre(homography: Homography, position: Position) -> float:
    """The scale at this position of the picture: the root of the homography's area change there."""
    step = 0.5
    origin, right, down = (apply(homography, (position[0] + dx, position[1] + dy)) for dx, dy in ((0, 0), (step, 0), (0, step)))
    area = (right[0] - origin[0]) * (down[1] - origin[1]) - (right[1] - origin[1]) * (down[0] - origin[0])
    return step / math.sqrt(abs(area))


def depth_ratio(homography: Homography, positions: Collection[Position]) -> float:
    """How many times farther from the camera the farthest position is than the nearest; infinite past the horizon."""
    third = homography[2]
    closeness = [third[0] * x + third[1] * y + third[2] for x, y in positions]
    if min(closeness) < 0:
        closeness = [-value for value in closeness]
    return max(closeness) / min(closeness) if min(closeness) > 0 else math.inf


def diagonal(positions: Collection[Position]) -> float:
    """Diagonal of the upright box around the positions."""
    xs = [x for x, _ in positions]
    ys = [y for _, y in positions]
    return math.hypot(max(xs) - min(xs), max(ys) - min(ys))
