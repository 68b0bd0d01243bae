"""A result as a drawing to lay over its photo: points, measured lines and their lengths, on a transparent ground. Corrections count."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from keypoints.geometry import Measurement, Position, definitions_for, ends
from keypoints.labels import Box, Straight, free_place, label
from keypoints.results import placed

LONGEST_SIDE = 1400
"""Of the PNG."""
LINE, SURE, UNSURE, SHEET, DARK = "#40e0d0", "#ffffff", "#ffb020", "#78e65a", "#10141a"
LETTER = 0.56
"""Mean width of a letter over its height."""


@dataclass(frozen=True)
class Labelled:
    """A measurement with its lines, and the box that its label has."""

    measurement: Measurement
    lines: tuple[Straight, ...]
    box: Box

    @property
    def middle(self) -> Position:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True)
class Drawing:
    """In pixels of a picture of this size; `unit` is a line's width there."""

    size: tuple[int, int]
    unit: float
    points: tuple[tuple[Position, bool], ...]
    """Where, and whether it is sure."""
    measured: tuple[Labelled, ...]
    outline: tuple[Position, ...]

    @property
    def letters(self) -> float:
        return 9 * self.unit


def drawn(result: dict[str, Any], shrink: float = 1.0) -> Drawing:
    size = (max(1, round(result["picture"]["width"] * shrink)), max(1, round(result["picture"]["height"] * shrink)))
    present = placed(result)
    positions = {point["name"]: (point["x"] * shrink, point["y"] * shrink) for point in present}
    unit = max(0.5, max(size) / 600)
    outline = result["scale"]["outline"] if result["scale"] else []
    return Drawing(
        size=size,
        unit=unit,
        points=tuple((positions[point["name"]], not point["estimated"]) for point in present),
        measured=tuple(labelled(result, positions, size, 9 * unit)),
        outline=tuple((x * shrink, y * shrink) for x, y in outline),
    )


def labelled(result: Mapping[str, Any], positions: Mapping[str, Position], size: tuple[int, int], height: float) -> Iterator[Labelled]:
    """The measurements that have a number, but for girths, whose lines are those of their widths."""
    definitions = {(definition.name, definition.taken): definition for definition in definitions_for(positions)}
    taken: list[Box] = [(x - height / 2, y - height / 2, x + height / 2, y + height / 2) for x, y in positions.values()]
    for said in result["measurements"]:
        definition = definitions.get((said["name"], said["definition"]))
        if definition is None or definition.derived or said["value_px"] is None:
            continue
        measurement = Measurement(definition, said["value_px"], said["value_cm"], said["plus_minus_cm"], said["quality"])
        lines = tuple(ends(line, positions) for line in definition.lines)
        box = free_place(lines, (LETTER * height * len(label(measurement)) + height, 1.8 * height), size, taken)
        taken.append(box)
        yield Labelled(measurement, lines, box)


def svg(result: dict[str, Any], job: str) -> str:
    """Of the photo's own size: laid over it, everything is in its place."""
    drawing = drawn(result)
    width, height = drawing.size
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">']
    parts.append(f"<title>{escape(result['category'])} {escape(job)}</title>")
    if drawing.outline:
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawing.outline)
        parts.append(f'<polygon points="{corners}" fill="none" stroke="{SHEET}" stroke-width="{drawing.unit:.2f}"/>')
    for colour, wide in ((DARK, 2.2), ("", 1.0)):
        parts += [svg_lines(one, colour or colour_of(one.measurement, LINE), wide * drawing.unit) for one in drawing.measured]
    for (x, y), sure in drawing.points:
        dot = f'cx="{x:.1f}" cy="{y:.1f}" r="{2.4 * drawing.unit:.2f}" stroke-width="{drawing.unit:.2f}"'
        parts.append(f'<circle {dot} fill="{SURE if sure else UNSURE}" stroke="{DARK}"/>')
    parts += [svg_label(one, drawing.letters) for one in drawing.measured]
    return "\n".join([*parts, "</svg>\n"])


def svg_lines(one: Labelled, colour: str, width: float) -> str:
    path = " ".join(f"M{a[0]:.1f} {a[1]:.1f}L{b[0]:.1f} {b[1]:.1f}" for a, b in one.lines)
    return f'<path d="{path}" stroke="{colour}" stroke-width="{width:.2f}" stroke-linecap="round"/>'


def svg_label(one: Labelled, height: float) -> str:
    left, top, right, bottom = one.box
    x, y = one.middle
    ground = f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" rx="{height / 3:.1f}"'
    letters = f'font-family="Helvetica, Arial, sans-serif" font-size="{height:.1f}" text-anchor="middle"'
    said, colour = escape(label(one.measurement)), colour_of(one.measurement, SURE)
    words = f'<text x="{x:.1f}" y="{y + 0.35 * height:.1f}" {letters} fill="{colour}">{said}</text>'
    return f'{ground} fill="{DARK}" fill-opacity="0.8"/>{words}'


def colour_of(measurement: Measurement, sure: str) -> str:
    return sure if measurement.quality == "ok" else UNSURE


def png(result: dict[str, Any], job: str) -> bytes:
    """At most 1400 pixels long."""
    longest = max(result["picture"]["width"], result["picture"]["height"])
    drawing = drawn(result, min(1.0, LONGEST_SIDE / longest))
    picture = Image.new("RGBA", drawing.size)
    draw = ImageDraw.Draw(picture)
    unit = drawing.unit
    if drawing.outline:
        draw.polygon(drawing.outline, outline=SHEET, width=max(1, round(unit)))
    for colour, wide in ((DARK, 2.2), ("", 1.0)):
        for one in drawing.measured:
            for line in one.lines:
                draw.line(line, fill=colour or colour_of(one.measurement, LINE), width=max(1, round(wide * unit)))
    for position, sure in drawing.points:
        draw.circle(position, 2.4 * unit, fill=SURE if sure else UNSURE, outline=DARK, width=max(1, round(unit)))
    font = ImageFont.load_default(drawing.letters)
    for one in drawing.measured:
        draw.rounded_rectangle(one.box, radius=drawing.letters / 3, fill=DARK)
        draw.text(one.middle, label(one.measurement), font=font, anchor="mm", fill=colour_of(one.measurement, SURE))
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=3)
    return file.getvalue()
