"""What a request says of the reference in its picture; the web process and the model read it here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

Corner = tuple[float, float]

NONE = "none"
"""Nothing is looked for: the client wants pixels."""
PARAMETERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sheet": (),
        "marker": ("marker_cm",),
        "a4": (),
        "checkerboard": ("square_cm",),
        "corners": ("corners", "width_cm", "height_cm"),
        "px_per_cm": ("px_per_cm",),
        NONE: (),
    }
)
"""What lies in the picture, or is told of it -> the fields that this needs, and no other may have."""

REFERENCES = ("aruco_sheet", "aruco_marker", "a4", "checkerboard", "corners", "px_per_cm")
"""What a scale may come from, as a result names it."""
NUMBER = r"-?[0-9]{1,6}(?:\.[0-9]{1,6})?"
CORNERS = rf"^{NUMBER},{NUMBER}(?: {NUMBER},{NUMBER}){{3}}$"


@dataclass(frozen=True)
class Asked:
    """`reference` with its parameters; lengths in centimetres, corners in pixels of the picture."""

    reference: str = "sheet"
    marker_cm: float = 0.0
    square_cm: float = 0.0
    corners: tuple[Corner, ...] = ()
    width_cm: float = 0.0
    height_cm: float = 0.0
    px_per_cm: float = 0.0

    def shrunk(self, enlargement: float) -> Asked:
        """For a picture that is so many times smaller than the one that was sent."""
        corners = tuple((x / enlargement, y / enlargement) for x, y in self.corners)
        return replace(self, corners=corners, px_per_cm=self.px_per_cm / enlargement)


def asked(parameters: Mapping[str, Any]) -> Asked:
    """Of a job's parameters."""
    known = {name: value for name, value in parameters.items() if name in Asked.__dataclass_fields__}
    if "corners" in known:
        known["corners"] = read_corners(known["corners"])
    return Asked(**known)


def read_corners(text: str) -> tuple[Corner, ...]:
    """`"102,80 930,95 945,1240 88,1225"`. Raises ValueError for anything else than four corners of a convex quadrangle, in either
    direction around it."""
    quad = []
    for pair in text.split():
        x, y = pair.split(",")
        quad.append((float(x), float(y)))
    if len(quad) != 4:
        raise ValueError("four corners")
    turns = [_turn(quad[number - 2], quad[number - 1], quad[number]) for number in range(4)]
    if not (all(turn > 0 for turn in turns) or all(turn < 0 for turn in turns)):
        raise ValueError("convex")
    return tuple(quad)


def _turn(a: Corner, b: Corner, c: Corner) -> float:
    return (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])
