"""The photo with the points, the measured lines and their lengths drawn on it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from keypoints.geometry import Measurement, Point, Position, ends
from keypoints.inference.crops import Picture
from keypoints.inference.scale import Reference
from keypoints.labels import Box, Straight, free_place, label

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


def draw_overlay(picture: Picture, points: Sequence[Point], measurements: Sequence[Measurement], found: Reference | None) -> BinaryIO:
    """A JPEG, at most 1400 pixels long. Points are in pixels of `picture`; amber ones are not sure; an absent point is not drawn."""
    shrink = min(1.0, LONGEST_SIDE / max(picture.shape[:2]))
    canvas = resized(picture, shrink)
    present = [point for point in points if point.present]
    positions = {point.name: (point.x * shrink, point.y * shrink) for point in present}
    if found is not None:
        _outline(canvas, [(x * shrink, y * shrink) for x, y in found.outline])
    drawn = [measurement for measurement in measurements if measurement.pixels is not None and not measurement.definition.derived]
    lines = [(measurement, [ends(line, positions) for line in measurement.definition.lines]) for measurement in drawn]
    for measurement, straight in lines:
        _draw_lines(canvas, straight, LINE if measurement.quality == "ok" else ESTIMATED)
    for point in present:
        _dot(canvas, positions[point.name], ESTIMATED if point.estimated else SURE)
    labelled = Image.fromarray(canvas)
    _draw_labels(labelled, lines, list(positions.values()))
    return _jpeg(labelled)


def resized(picture: Picture, shrink: float) -> Picture:
    """A new picture. Down to a half no pixel is skipped without averaging, which takes eight times as long."""
    way = cv2.INTER_LINEAR if shrink > 0.5 else cv2.INTER_AREA
    return cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=way).astype(np.uint8, copy=shrink == 1)


def _thickness(canvas: Picture) -> int:
    return max(1, int(max(canvas.shape[:2])) // 500)


def _fixed(position: Position) -> tuple[int, int]:
    """The position for cv2, in sixteenths of a pixel; kept near the picture, as cv2 holds 16 bits."""
    x, y = (round(min(max(value, -1000), 3000) * 2**SUBPIXELS) for value in position)
    return x, y


def _outline(canvas: Picture, corners: list[Position]) -> None:
    polygon = np.array([_fixed(corner) for corner in corners], np.int32)
    cv2.polylines(canvas, [polygon], True, SHEET, _thickness(canvas), cv2.LINE_AA, SUBPIXELS)


def _draw_lines(canvas: Picture, lines: list[Straight], colour: Colour) -> None:
    width = _thickness(canvas)
    for start, end in lines:
        cv2.line(canvas, _fixed(start), _fixed(end), DARK, width + 2, cv2.LINE_AA, SUBPIXELS)
        cv2.line(canvas, _fixed(start), _fixed(end), colour, width, cv2.LINE_AA, SUBPIXELS)


def _dot(canvas: Picture, position: Position, colour: Colour) -> None:
    radius = 1.6 * _thickness(canvas) + 1
    for size, shade in ((radius + 1.5, DARK), (radius, colour)):
        cv2.circle(canvas, _fixed(position), round(size * 2**SUBPIXELS), shade, -1, cv2.LINE_AA, SUBPIXELS)


def _draw_labels(picture: Image.Image, lines: list[tuple[Measurement, list[Straight]]], dots: list[Position]) -> None:
    draw = ImageDraw.Draw(picture, "RGBA")
    font = ImageFont.load_default(size=max(11, max(picture.size) / 68))
    taken: list[Box] = [(x - 6, y - 6, x + 6, y + 6) for x, y in dots]
    for measurement, straight in lines:
        text = label(measurement)
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font, anchor="mm")
        box = free_place(straight, (right - left + 14, bottom - top + 12), picture.size, taken)
        taken.append(box)
        draw.rounded_rectangle(box, radius=6, fill=(*DARK, 205))
        centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        draw.text(centre, text, font=font, anchor="mm", fill=SURE if measurement.quality == "ok" else ESTIMATED)


def _jpeg(picture: Image.Image) -> BinaryIO:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    file.seek(0)
    return file
