"""A person moves a garment's points: the lengths follow, without another look at the picture."""

from __future__ import annotations

from typing import Any

from keypoints.doubts import doubted
from keypoints.geometry import Position, Scale, measure
from keypoints.results import measurement_result, placed, points_in, scale_in, scale_result, seen_in
from tasks.errors import Code, InvalidInput
from tasks.languages import sentence

FARTHEST = 1.0
"""How far outside of the picture a point may be put, in its widths and heights: a garment may be cut by the frame."""


def move(result: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """The result with the patch's points where they were put; its lengths are still the old ones, until `remeasure`.

    Raises InvalidInput for a point that the garment does not have, or that is put too far outside of the picture or behind the horizon.
    """
    moved = {point["name"]: (point["x"], point["y"]) for point in patch["points"]}
    check_known(result, moved)
    check_places(result, moved)
    corrected = {**result, "points": [put(point, *moved[point["name"]]) if point["name"] in moved else point for point in result["points"]]}
    check_horizon(placed(corrected), scale_in(result))
    return corrected


def put(point: dict[str, Any], x: float, y: float) -> dict[str, Any]:
    return {**point, "x": x, "y": y, "confidence": 1.0, "visibility": "visible", "estimated": False, "moved": True}


def check_known(result: dict[str, Any], moved: dict[str, Position]) -> None:
    strangers = sorted(moved.keys() - {point["name"] for point in result["points"]})
    if strangers:
        said = sentence("This garment has no such points: %(points)s.", points=", ".join(strangers))
        raise InvalidInput(Code.INVALID_REQUEST, said)


def check_places(result: dict[str, Any], moved: dict[str, Position]) -> None:
    width, height = result["picture"]["width"], result["picture"]["height"]
    for name, (x, y) in moved.items():
        if max(abs(x / width - 0.5), abs(y / height - 0.5)) > 0.5 + FARTHEST:
            raise InvalidInput(Code.INVALID_REQUEST, sentence("Too far outside of the picture: %(points)s.", points=name))


def check_horizon(points: list[dict[str, Any]], scale: Scale | None) -> None:
    """All points must be before the camera: a homography's divisor changes its sign at the horizon."""
    for homography in (scale.homography, *scale.alternatives) if scale else ():
        a, b, c = homography[2]
        sides = [a * point["x"] + b * point["y"] + c for point in points]
        if min(sides) <= 0 <= max(sides):
            raise InvalidInput(Code.INVALID_REQUEST, "The points lie on both sides of the ground's horizon.")


def remeasure(result: dict[str, Any]) -> dict[str, Any]:
    """The result with the lengths of its points as they are now."""
    points, scale = points_in(result), scale_in(result)
    of_scale = {**result["scale"], "px_per_cm": scale_result(scale, points)["px_per_cm"]} if scale else result["scale"]
    return {
        **result,
        "measurements": [measurement_result(length) for length in doubted(measure(points, scale), seen_in(result))],
        "scale": of_scale,
    }
