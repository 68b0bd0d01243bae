"""How points and measurements stand in a result, and back: read by the web process too, which moves points."""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

from keypoints.doubts import Seen
from keypoints.geometry import Homography, Measurement, Point, Position, Scale, middle, pixels_per_centimetre
from keypoints.landmarks import Visibility

DIGITS = 7
"""Significant ones of a homography's numbers: they shift a place by less than a thousandth of a millimetre."""


def seen_result(seen: Seen) -> dict[str, Any]:
    return {"category": seen.category} | {name: round(getattr(seen, name), 3) for name in ("probability", "asked", "worn")}


def seen_in(result: dict[str, Any]) -> Seen | None:
    return Seen(**result["seen"]) if result["seen"] else None


def point_result(point: Point, enlargement: float = 1.0) -> dict[str, Any]:
    """An absent point has no place."""
    return {
        "name": point.name,
        "x": round(point.x * enlargement, 1) if point.present else None,
        "y": round(point.y * enlargement, 1) if point.present else None,
        "confidence": round(point.confidence, 3),
        "visibility": str(point.visibility),
        "estimated": point.estimated,
    }


def measurement_result(measurement: Measurement, enlargement: float = 1.0) -> dict[str, Any]:
    definition = measurement.definition
    return {
        "name": definition.name,
        "value_cm": rounded(measurement.centimetres),
        "plus_minus_cm": rounded(measurement.plus_minus),
        "value_px": rounded(measurement.pixels, enlargement),
        "quality": measurement.quality,
        "definition": definition.taken,
        "from": list(definition.points),
        "approximate": definition.approximate,
        "derived": definition.derived,
    }


def rounded(value: float | None, times: float = 1.0) -> float | None:
    return None if value is None else round(value * times, 1)


def scale_result(scale: Scale, points: Sequence[Point], enlargement: float = 1.0) -> dict[str, Any]:
    """Everything that turns pixels of the picture as sent into centimetres.

    `px_per_cm` holds at the middle of the garment: elsewhere perspective makes it a little other.
    """
    return {
        "px_per_cm": round(pixels_per_centimetre(scale.homography, centre(points)) * enlargement, 3),
        "perspective": "measured" if scale.measured else "assumed",
        "homography": homography_result(scale.homography, enlargement),
        "alternatives": packed([homography_result(other, enlargement) for other in scale.alternatives]),
    }


def homography_result(homography: Homography, enlargement: float) -> list[list[float]]:
    """Of the picture that is so many times larger."""
    return [[float(f"{value:.{DIGITS}g}") for value in (x / enlargement, y / enlargement, constant)] for x, y, constant in homography]


def packed(homographies: Sequence[list[list[float]]]) -> str:
    """Base64 of little-endian 32-bit numbers, nine for each, row by row: as JSON they took half of the time that a result takes."""
    numbers = [value for rows in homographies for row in rows for value in row]
    return b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def unpacked(text: str) -> tuple[Homography, ...]:
    return tuple((nine[0:3], nine[3:6], nine[6:9]) for nine in struct.iter_unpack("<9f", b64decode(text)))


def centre(points: Sequence[Point]) -> Position:
    there = {point.name: point.position for point in points if point.present}
    return middle(tuple(there), there)


def points_in(result: dict[str, Any]) -> list[Point]:
    """An absent one lies nowhere in particular."""
    return [
        Point(entry["name"], entry["x"] or 0.0, entry["y"] or 0.0, entry["confidence"], Visibility(entry["visibility"]))
        for entry in result["points"]
    ]


def placed(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The result's points that have a place."""
    return [point for point in result["points"] if point["visibility"] != Visibility.ABSENT]


def scale_in(result: dict[str, Any]) -> Scale | None:
    scale = result["scale"]
    if not scale:
        return None
    first, second, third = ((row[0], row[1], row[2]) for row in scale["homography"])
    return Scale((first, second, third), unpacked(scale["alternatives"]), measured=scale["perspective"] == "measured")
