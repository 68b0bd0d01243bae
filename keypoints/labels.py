"""What stands beside a measured line, and where there is room for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keypoints.geometry import Measurement, Position

ALONG = (0.5, 0.35, 0.65, 0.22, 0.78, 0.1, 0.9)
"""Where on a line a label is tried, in this order."""
BESIDE = (0.0, -1.0, 1.0)
"""How many of its heights above or below that place it is tried, where it would hide points or other labels."""

Box = tuple[float, float, float, float]
Straight = tuple[Position, Position]


def label(measurement: Measurement) -> str:
    """Such as `chest width 49.4 ± 3.1 cm`, `~ hip width 51.0 ± 4.2 cm` for an approximate one, `chest width 512 px` without a scale."""
    name = ("~ " if measurement.definition.approximate else "") + measurement.definition.name.replace("_", " ")
    if measurement.centimetres is None:
        return f"{name} {measurement.pixels:.0f} px"
    return f"{name} {measurement.centimetres:.1f} ± {measurement.plus_minus:.1f} cm"


def free_place(lines: Sequence[Straight], size: tuple[float, float], picture: tuple[int, int], taken: Sequence[Box]) -> Box:
    """A box of this size at one of the lines, inside the picture, that covers as little as possible of the boxes already there: the first
    that covers nothing."""
    covered: dict[Box, float] = {}
    for centre in _centres(lines, size[1]):
        place = _box(centre, size, picture)
        covered[place] = sum(_overlap(place, other) for other in taken)
        if not covered[place]:
            return place
    return min(covered, key=covered.__getitem__)


def _centres(lines: Sequence[Straight], height: float) -> Iterator[Position]:
    for beside in BESIDE:
        for share in ALONG:
            for start, end in lines:
                yield start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]) + beside * height


def _box(centre: Position, size: tuple[float, float], picture: tuple[int, int]) -> Box:
    """The box around this centre, moved inside the picture."""
    left = min(max(centre[0] - size[0] / 2, 2), max(picture[0] - size[0] - 2, 2))
    top = min(max(centre[1] - size[1] / 2, 2), max(picture[1] - size[1] - 2, 2))
    return left, top, left + size[0], top + size[1]


def _overlap(one: Box, other: Box) -> float:
    """Area that two boxes share."""
    width, height = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    return width * height if width > 0 and height > 0 else 0.0
