"""The points of a dress's sides: seen exactly across a side, hardly along it, for nothing on a plain seam marks their heights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from keypoints.geometry import Point
from keypoints.inference.crops import Matrix
from keypoints.landmarks import dress_side_shares

SURE = 0.3
"""A side of which a point is less confident stays as it is."""


def settled(points: Sequence[Point]) -> list[Point]:
    """The points, those of a dress's sides moved along them to where they are by definition: at their shares of the way from armpit to hem,
    the line through all points of the side.

    The waist's width is taken there: on 26 dresses of the prototype's scenes nine of ten are less than 2.5 cm off, 3.5 without.
    """
    found = {point.name: point for point in points}
    for side in ("left", "right"):
        found |= settled_side(found, side)
    return [found[point.name] for point in points]


def settled_side(found: Mapping[str, Point], side: str) -> dict[str, Point]:
    """The moved points of one side by name; none where there is no such side, or not all of it is seen."""
    first = f"dress_side_{side}_1"
    shares = {f"dress_side_{side}_{number}": share for number, share in enumerate(dress_side_shares(sleeved=first in found), 1)}
    if first not in found:
        del shares[first]
    way = [found.get(name) for name in (f"armpit_{side}", *shares, f"hem_{side}")]
    line = [point.position for point in way if point and point.present and point.confidence >= SURE]
    if len(line) < len(way):
        return {}
    places = {name: along(np.array(line), share).tolist() for name, share in shares.items()}
    return {name: replace(found[name], x=x, y=y) for name, (x, y) in places.items()}


def along(line: Matrix, share: float) -> Matrix:
    """The place (2,) at this share of the length of a line (count, 2)."""
    walked = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    return np.array([np.interp(share * walked[-1], walked, line[:, axis]) for axis in (0, 1)])
