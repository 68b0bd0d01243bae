"""The photo with the points, the measured lines and their lengths drawn on it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from keypoints.geometry import Measurement, Point, Position, middle
from keypoints.inference.points import Picture
from keypoints.inference.scale import FoundSheet

LONGEST_SIDE = 1400
QUALITY = 88
Colour = tuple[int, int, int]
LINE: Colour = (64, 224, 208)
SURE: Colour = (255, 255, 255)
ESTIMATED: Colour = (255, 176, 32)
SHEET: Colour = (120, 230, 90)
DARK: Colour = (16, 20, 26)
SUBPIXELS = 4
"""Binary digits of the fixed point numbers that cv2 draws with."""
ALONG = (0.5, 0.35, 0.65, 0.22, 0.78, 0.1, 0.9)
"""Where on a line a label is tried, in this order."""
BESIDE = (0.0, -1.0, 1.0)
"""How many of its heights above or below that place it is tried, where it would hide points or other labels."""

Box = tuple[float, float, float, float]
Line = tuple[Position, Position]


def draw_overlay(picture: Picture, points: Sequence[Point], measurements: Sequence[Measurement], found: FoundSheet | None) -> BinaryIO:
    """A JPEG, at most 1400 pixels long. Points are in pixels of `picture`; amber points and labels are estimated."""
    shrink = min(1.0, LONGEST_SIDE / max(picture.shape[:2]))
    canvas = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=shrink == 1)
    positions = {point.name: (point.x * shrink, point.y * shrink) for point in points}
    if found is not None:
        _outline(canvas, [(x * shrink, y * shrink) for x, y in found.outline])
    lines = [(measurement, list(_lines(measurement, positions))) for measurement in measurements]
    for measurement, ends in lines:
        _draw_lines(canvas, ends, ESTIMATED if measurement.estimated else LINE)
    for point in points:
        _dot(canvas, positions[point.name], ESTIMATED if point.estimated else SURE)
    labelled = Image.fromarray(canvas)
    _draw_labels(labelled, lines, list(positions.values()))
    return _jpeg(labelled)


def _lines(measurement: Measurement, positions: dict[str, Position]) -> Iterator[Line]:
    for start, end in measurement.definition.lines:
        yield middle(start, positions), middle(end, positions)


def _thickness(canvas: Picture) -> int:
    return max(1, int(max(canvas.shape[:2])) // 500)


def _fixed(position: Position) -> tuple[int, int]:
    """The position for cv2, in sixteenths of a pixel; kept near the picture, as cv2 holds 16 bits."""
    x, y = (round(min(max(value, -1000), 3000) * 2**SUBPIXELS) for value in position)
    return x, y


def _outline(canvas: Picture, corners: list[Position]) -> None:
    polygon = np.array([_fixed(corner) for corner in corners], np.int32)
    cv2.polylines(canvas, [polygon], True, SHEET, _thickness(canvas), cv2.LINE_AA, SUBPIXELS)


def _draw_lines(canvas: Picture, lines: list[Line], colour: Colour) -> None:
    width = _thickness(canvas)
    for start, end in lines:
        cv2.line(canvas, _fixed(start), _fixed(end), DARK, width + 2, cv2.LINE_AA, SUBPIXELS)
        cv2.line(canvas, _fixed(start), _fixed(end), colour, width, cv2.LINE_AA, SUBPIXELS)


def _dot(canvas: Picture, position: Position, colour: Colour) -> None:
    radius = 1.6 * _thickness(canvas) + 1
    for size, shade in ((radius + 1.5, DARK), (radius, colour)):
        cv2.circle(canvas, _fixed(position), round(size * 2**SUBPIXELS), shade, -1, cv2.LINE_AA, SUBPIXELS)


def _draw_labels(picture: Image.Image, lines: list[tuple[Measurement, list[Line]]], dots: list[Position]) -> None:
    draw = ImageDraw.Draw(picture, "RGBA")
    font = ImageFont.load_default(size=max(11, max(picture.size) / 68))
    taken: list[Box] = [(x - 6, y - 6, x + 6, y + 6) for x, y in dots]
    for measurement, ends in lines:
        text = label(measurement)
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font, anchor="mm")
        box = _free_place(ends, (right - left + 14, bottom - top + 12), picture.size, taken)
        taken.append(box)
        draw.rounded_rectangle(box, radius=6, fill=(*DARK, 205))
        centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        draw.text(centre, text, font=font, anchor="mm", fill=ESTIMATED if measurement.estimated else SURE)


def label(measurement: Measurement) -> str:
    """Such as `chest width 49.4 ± 3.1 cm`, `~ hip width 51.0 ± 4.2 cm` for an approximate one, `chest width 512 px` without a scale."""
    name = ("~ " if measurement.definition.approximate else "") + measurement.definition.name.replace("_", " ")
    if measurement.centimetres is None:
        return f"{name} {measurement.pixels:.0f} px"
    return f"{name} {measurement.centimetres:.1f} ± {measurement.plus_minus:.1f} cm"


def _free_place(lines: list[Line], size: tuple[float, float], picture: tuple[int, int], taken: list[Box]) -> Box:
    """A box of this size at one of the lines, inside the picture, that covers as little as possible of the boxes already there."""
    centres = [
        (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]) + beside * size[1])
        for beside in BESIDE
        for share in ALONG
        for start, end in lines
    ]
    places = [_box(centre, size, picture) for centre in centres]
    return min(places, key=lambda place: sum(_overlap(place, other) for other in taken))


def _box(centre: Position, size: tuple[float, float], picture: tuple[int, int]) -> Box:
    """The box around this centre, moved inside the picture."""
    left = min(max(centre[0] - size[0] / 2, 2), max(picture[0] - size[0] - 2, 2))
    top = min(max(centre[1] - size[1] / 2, 2), max(picture[1] - size[1] - 2, 2))
    return left, top, left + size[0], top + size[1]


def _overlap(one: Box, other: Box) -> float:
    """Area that two boxes share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _jpeg(picture: Image.Image) -> BinaryIO:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    file.seek(0)
    return file
