"""The scale of a picture: which references lie in it, whether they agree, and what centimetres they give."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from keypoints.geometry import Position, Scale, apply, depth_ratio, pixels_per_centimetre, scale_part
from keypoints.inference.checkerboard import find_checkerboard
from keypoints.inference.crops import Matrix, Picture
from keypoints.inference.markers import all_markers, sheets, single
from keypoints.inference.paper import find_paper, signed_area
from keypoints.inference.pose import Corners, Plane, flat_plane, outline, plane_of
from keypoints.references import Asked
from keypoints.sheet import A4
from tasks.errors import Code, InvalidInput, warning
from tasks.languages import sentence

LARGEST_MISFIT = 0.15
"""Centimetres, root mean square: markers farther than this from where the sheet has them mean a bent sheet or a wrong marker."""
LARGEST_STRAIN = 14.0
"""For any other reference: its corners are not those of such a thing before a camera."""
CLICK_NOISE = 0.0015
"""Share of the picture's long side by which a finger or a mouse misses a corner, standard deviation: an assumption, 3 of 2000 pixels."""
TOLD_DEVIATION = 0.02
"""Of a `px_per_cm` that somebody tells, relative: an assumption."""
STEEPEST = 2.0
"""A garment whose far end is this many times farther than its near end was photographed too slantwise for the homography to hold."""
TILTED, TOO_TILTED = 25.0, 45.0
"""Degrees: farther than anything was measured; no answer."""
DISAGREE = 2.0
"""Two references disagree where a length differs by more than so many times what both allow."""
OUTLINE_CENTIMETRES = 10.0


@dataclass(frozen=True)
class Reference:
    """What gives the scale: its name, its plane, its outline in pixels, and the ids of its markers if it has some."""

    name: str
    plane: Plane
    outline: tuple[Position, ...]
    span: float
    markers: tuple[int, ...] = ()

    @property
    def scale(self) -> Scale:
        return self.plane.scale

    @property
    def pixels_per_centimetre(self) -> float:
        """In its middle."""
        middle = np.mean(self.outline, axis=0)
        return pixels_per_centimetre(self.scale.homography, (float(middle[0]), float(middle[1])))


def find_scale(picture: Picture, asked: Asked) -> Reference | None:
    """The best reference in the picture; the printed sheet is looked for always, others where they were asked for. None where
    there is none, or none that can be used.

    Raises InvalidInput("references_disagree").
    """
    found = [reference for reference in references(picture, asked) if reference is not None]
    for one, other in combinations(found, 2):
        if disagree(one, other):
            raise InvalidInput(Code.REFERENCES_DISAGREE, "Two references in the picture give different scales.")
    return max(found, key=lambda reference: (reference.scale.measured, reference.span), default=None)


def judged(found: Reference | None, garment: Collection[Position]) -> tuple[Reference | None, list[dict[str, Any]]]:
    """The reference if lengths between these places may be told by it, and what has to be said beside them."""
    if found is None:
        return None, [warning("no_scale", "No reference for the scale was found that can be used: lengths are in pixels only.")]
    tilt = found.plane.tilt_degrees or 0.0
    if tilt > TOO_TILTED or depth_ratio(found.scale.homography, garment) > STEEPEST:
        return None, [warning("too_slanted", "The photo was taken too slantwise: lengths are in pixels only. Hold the camera above.")]
    said = []
    if found.name == "a4":
        said.append(warning("outline_only", "The scale rests on an outline that was taken for A4: check that it is one (scale.outline)."))
    if not found.scale.measured:
        said.append(warning("rough_scale", "The reference shows no perspective, so lengths may be far off. Use the printed sheet."))
    if tilt > TILTED:
        said.append(warning("tilted", sentence("The camera was tilted by about %(degrees)s degrees. Hold it above.", degrees=round(tilt))))
    return found, said


def references(picture: Picture, asked: Asked) -> list[Reference | None]:
    size = (picture.shape[1], picture.shape[0])
    seen = all_markers(picture)
    printed = [usable("aruco_sheet", markers.corners, np.array(paper.outline), markers.numbers) for paper, markers in sheets(seen, size)]
    taken = {number for reference in printed if reference for number in reference.markers}
    return printed + other_references(picture, asked, [marker for marker in seen if marker[0] not in taken])


def other_references(picture: Picture, asked: Asked, seen: list[tuple[int, Matrix]]) -> list[Reference | None]:
    size = (picture.shape[1], picture.shape[0])
    match asked.reference:
        case "marker":
            found = single(seen, asked.marker_cm, size)
            return [usable("aruco_marker", marker.corners, marker.corners.centimetres, marker.numbers) for marker in found]
        case "a4":
            return [usable("a4", paper.corners, np.array(A4.outline)) for paper in find_paper(picture)]
        case "checkerboard":
            board = find_checkerboard(picture, asked.square_cm)
            return [usable("checkerboard", board, board.centimetres[[0, 3, 15, 12]])] if board else []
        case "corners":
            clicked = clicked_corners(asked, size)
            return [usable("corners", clicked, clicked.centimetres)]
        case "px_per_cm":
            return [told(asked.px_per_cm, size)]
    return []


def usable(name: str, corners: Corners, places: Matrix, markers: tuple[int, ...] = ()) -> Reference | None:
    """The reference with its outline through these places in centimetres; None where its corners do not lie as they should."""
    plane = plane_of(corners)
    if plane is None:
        return None
    found = Reference(name, plane, outline(plane.scale, places), corners.span, markers)
    fits = plane.misfit <= LARGEST_MISFIT * found.pixels_per_centimetre if name == "aruco_sheet" else plane.strain <= LARGEST_STRAIN
    return found if fits else None


def clicked_corners(asked: Asked, size: tuple[int, int]) -> Corners:
    """In either direction around the rectangle."""
    pixels = np.array(asked.corners)
    width, height = asked.width_cm, asked.height_cm
    down = math.copysign(height, signed_area(pixels))
    centimetres = np.array([[0, 0], [width, 0], [width, down], [0, down]])
    return Corners(pixels, centimetres, size, max(1.0, CLICK_NOISE * max(size)))


def told(scale: float, size: tuple[int, int]) -> Reference:
    plane = flat_plane(scale, TOLD_DEVIATION, size)
    middle = apply(plane.scale.homography, (size[0] / 2, size[1] / 2))
    square = np.array(middle) + (np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) - 0.5) * OUTLINE_CENTIMETRES
    return Reference("px_per_cm", plane, outline(plane.scale, square), 0.0)


def disagree(one: Reference, other: Reference) -> bool:
    """Whether the sides of either outline are of two lengths."""
    return any(differ(sides_of(shape), one.scale, other.scale) for shape in (one.outline, other.outline))


def sides_of(shape: Sequence[Position]) -> list[tuple[Position, Position]]:
    return list(pairwise([*shape, shape[0]]))


def differ(sides: list[tuple[Position, Position]], one: Scale, other: Scale) -> bool:
    first, first_part = mean_length(sides, one)
    second, second_part = mean_length(sides, other)
    return abs(first - second) > DISAGREE * math.hypot(first_part, second_part)


def mean_length(sides: list[tuple[Position, Position]], scale: Scale) -> tuple[float, float]:
    """In centimetres, with its plus-minus."""
    found, *others = (
        sum(math.dist(apply(homography, start), apply(homography, end)) for start, end in sides) / len(sides)
        for homography in (scale.homography, *scale.alternatives)
    )
    return found, scale_part(found, others)
