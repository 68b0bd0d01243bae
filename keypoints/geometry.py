"""Arithmetic of garment measurements: lengths between points, centimetres by a homography, and how far off they may be.

All widths are of the flat garment, edge to edge; none is a circumference.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

Position = tuple[float, float]
Homography = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
"""Rows of the 3x3 matrix that takes pixels to centimetres on the plane the garment lies on."""

ESTIMATED_BELOW = 0.7
"""Points with a confidence under this are flagged. On real photos 6 % of the points above it are off by more than a twentieth of the
garment's diagonal, of those below it more than a third (findings/garments.md, section 7.5)."""

POINT_ERRORS: tuple[tuple[float, float], ...] = ((0.85, 0.028), (0.7, 0.06), (0.5, 0.15), (0.0, 0.24))
"""(lowest confidence, error): nine of ten points are closer than this share of the garment's diagonal. Measured on the 359 points of the
38 real photos of data/garments/dev; findings/garments.md, section 7.5, has the same .028 for the first row from more photos."""

ALONG_A_LINE = 0.766
"""The 90 % bound of one coordinate over the 90 % bound of the distance, for a round normal error: 1.645 / 2.146."""

NINETY_PERCENT = 1.645
"""Standard deviations to each side that hold nine of ten values of a normal distribution."""

PAPER_ERROR = 0.01
"""Share of a length: paper that is not flat, printers that are not exact, lenses that bend. In renders, without these, the sheet's
homography is off by a median of 0.4-0.5 % and at most 1.1-1.6 % in 95 of 100 cases (findings/garments.md, section 2)."""


@dataclass(frozen=True)
class Point:
    """A point found in a picture, in pixels, with a confidence of 0..1."""

    name: str
    x: float
    y: float
    confidence: float

    @property
    def position(self) -> Position:
        return self.x, self.y

    @property
    def estimated(self) -> bool:
        return self.confidence < ESTIMATED_BELOW


End = tuple[str, ...]
"""Names of the points whose middle is one end of a line."""


@dataclass(frozen=True)
class Definition:
    """What is measured: the mean length of one or two straight lines. `approximate`: an end has no seam or edge to hold it."""

    name: str
    lines: tuple[tuple[End, End], ...]
    approximate: bool = False


@dataclass(frozen=True)
class Scale:
    """Pixels to centimetres; `alternatives` are the homographies that slightly wrong marker corners would have given."""

    homography: Homography
    alternatives: tuple[Homography, ...] = ()


@dataclass(frozen=True)
class Measurement:
    """`centimetres` and `plus_minus` are None without a scale; about nine of ten lengths are truly within `plus_minus`.

    `estimated`: one of its points is.
    """

    definition: Definition
    pixels: float
    centimetres: float | None
    plus_minus: float | None
    estimated: bool


def _across(name: str, left: str, *, approximate: bool = False) -> Definition:
    return Definition(name, (((left,), (_right(left),)),), approximate)


def _on_both_sides(name: str, start: str, end: str) -> Definition:
    return Definition(name, (((start,), (end,)), ((_right(start),), (_right(end),))))


def _between_middles(name: str, start: str, end: str) -> Definition:
    return Definition(name, (((start, _right(start)), (end, _right(end))),))


def _right(point: str) -> str:
    return point.replace("left", "right")


DEFINITIONS: tuple[Definition, ...] = (
    _between_middles("body_length", "neck_left", "hem_left"),
    _across("chest_width", "armpit_left"),
    _across("shoulder_width", "shoulder_left"),
    _across("neck_width", "neck_left"),
    _on_both_sides("sleeve_length", "shoulder_left", "cuff_left_outer"),
    _on_both_sides("cuff_width", "cuff_left_outer", "cuff_left_inner"),
    _across("waist_width", "waist_left"),
    _across("waist_width", "dress_side_left_3", approximate=True),
    _across("hip_width", "hip_left", approximate=True),
    _on_both_sides("outseam", "waist_left", "leg_left_outer"),
    _on_both_sides("inseam", "crotch", "leg_left_inner"),
    _on_both_sides("leg_opening", "leg_left_outer", "leg_left_inner"),
    _between_middles("skirt_length", "waist_left", "hem_left"),
    _across("hem_width", "hem_left"),
)


def definitions_for(points: Sequence[str]) -> list[Definition]:
    """The measurements that a garment with these points has."""
    return [definition for definition in DEFINITIONS if _names(definition) <= set(points)]


def _names(definition: Definition) -> set[str]:
    return {name for line in definition.lines for end in line for name in end}


def measure(points: Sequence[Point], scale: Scale | None) -> list[Measurement]:
    """Every measurement of a garment with these points: pixels always, centimetres only with a scale."""
    by_name = {point.name: point for point in points}
    return [_measured(definition, by_name, scale) for definition in definitions_for(list(by_name))]


def _measured(definition: Definition, points: Mapping[str, Point], scale: Scale | None) -> Measurement:
    in_pixels = {name: point.position for name, point in points.items()}
    measurement = Measurement(
        definition=definition,
        pixels=length(definition, in_pixels),
        centimetres=None,
        plus_minus=None,
        estimated=any(points[name].estimated for name in _names(definition)),
    )
    if scale is None:
        return measurement
    in_centimetres = mapped(in_pixels, scale.homography)
    centimetres = length(definition, in_centimetres)
    from_points = point_part(definition, points, diagonal(in_centimetres.values()))
    from_scale = scale_part(centimetres, [length(definition, mapped(in_pixels, other)) for other in scale.alternatives])
    return replace(measurement, centimetres=centimetres, plus_minus=math.hypot(from_points, from_scale))


def length(definition: Definition, positions: Mapping[str, Position]) -> float:
    """Mean length of the definition's lines, in the unit of the positions."""
    lengths = [math.dist(middle(start, positions), middle(end, positions)) for start, end in definition.lines]
    return sum(lengths) / len(lengths)


def middle(names: End, positions: Mapping[str, Position]) -> Position:
    return sum(positions[name][0] for name in names) / len(names), sum(positions[name][1] for name in names) / len(names)


def point_part(definition: Definition, points: Mapping[str, Point], garment_diagonal: float) -> float:
    """How far points may shift the length, 90 %, in the unit of the diagonal.

    Each point errs by its `POINT_ERRORS` share of the diagonal, on its own, and counts with the weight that the means give it; squares
    add up. On data/garments/dev 88 % of 196 measurements lie within it (the photos that POINT_ERRORS were read from).
    """
    shares = [weight * point_error(points[name].confidence) for name, weight in _weights(definition).items()]
    return ALONG_A_LINE * garment_diagonal * math.hypot(*shares)


def _weights(definition: Definition) -> dict[str, float]:
    weights: dict[str, float] = {}
    for line in definition.lines:
        for end in line:
            for name in end:
                weights[name] = weights.get(name, 0.0) + 1 / (len(end) * len(definition.lines))
    return weights


def point_error(confidence: float) -> float:
    """The 90 % error of a point with this confidence, as a share of the garment's diagonal."""
    return next(error for lowest, error in POINT_ERRORS if confidence >= lowest)


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
