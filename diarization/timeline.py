"""A result as a picture: a lane for each speaker over time. A long recording goes on in further rows, as lines of a text do.

SVG without script or style sheet; a screen reader is told in words who speaks for how long.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from diarization.formats import one_line

LEFT, WIDTH, MARGIN = 210, 1000, 20  # pixels: names, a row's time, around all
LANE, BAR, HEAD, AXIS, GAP = 18, 12, 64, 22, 16  # heights: a lane, its bar, the title, the time under a row, between rows
LONGEST_ROW_SECONDS = 1800.0  # 1.8 s to a pixel: a turn of a word can still be seen
MOST_TICKS = 10
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600)  # seconds between ticks
THINNEST = 0.8  # pixels of a turn
LONGEST_LABEL = 22  # characters
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a6761d", "#56b4e9", "#882255", "#666666")
"""Most of them Okabe and Ito's (jfly.uni-koeln.de/color), which the colour-blind see apart. Lanes tell speakers apart too."""
INK, FAINT = "#1a1a1a", "#dddddd"


@dataclass(frozen=True)
class Row:
    """A stretch of the recording, in seconds, and how much time its width stands for; `top` in pixels."""

    start: float
    end: float
    span: float
    top: int

    def x(self, seconds: float) -> float:
        return LEFT + (seconds - self.start) / self.span * WIDTH


def svg(result: dict[str, Any], job: str) -> str:
    names = [speaker["name"] for speaker in result["speakers"]]
    rows = rows_of(result["duration_seconds"], len(names))
    height = rows[-1].top + row_height(len(names)) + MARGIN
    parts = [part for row in rows for part in row_parts(row, names, result["turns"])]
    return "\n".join([*head(result, LEFT + WIDTH + 2 * MARGIN, height), *parts, "</svg>\n"])


def rows_of(duration: float, lanes: int) -> list[Row]:
    span = min(max(duration, 1.0), LONGEST_ROW_SECONDS)
    step = row_height(lanes) + GAP
    count = max(1, math.ceil(duration / span))
    return [Row(number * span, min((number + 1) * span, duration), span, HEAD + number * step) for number in range(count)]


def row_height(lanes: int) -> int:
    return max(lanes, 1) * LANE + AXIS


def head(result: dict[str, Any], width: int, height: int) -> Iterator[str]:
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img"'
    yield ' aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="12">'
    yield '<title id="title">Who spoke when</title>'
    yield f'<desc id="desc">{escape(described(result))}</desc>'
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield f'<text x="{MARGIN}" y="26" font-size="16" font-weight="600" fill="{INK}">Who spoke when</text>'
    yield f'<text x="{MARGIN}" y="46" fill="{INK}">{escape(summed_up(result))}</text>'


def summed_up(result: dict[str, Any]) -> str:
    """`2 speakers in 7:12; speech 81 %, several at once 0:12`."""
    count, length = len(result["speakers"]), clock(result["duration_seconds"])
    if not count:
        return f"Nobody speaks in {length}."
    said = f"{count} speaker{'s' if count > 1 else ''} in {length}; speech {result['speech_ratio']:.0%}"
    return f"{said}, several at once {clock(result['overlap_seconds'])}"


def described(result: dict[str, Any]) -> str:
    each = [
        f"{printable(speaker['name'])}: {clock(speaker['seconds'])} in {speaker['turns']} turn{'s' if speaker['turns'] > 1 else ''}"
        for speaker in result["speakers"]
    ]
    return ". ".join([summed_up(result), *each])


def row_parts(row: Row, names: list[str], turns: list[dict[str, Any]]) -> Iterator[str]:
    yield from axis(row, max(len(names), 1))
    bars = bars_of(row, turns)
    for lane, name in enumerate(names):
        colour, top = COLOURS[lane % len(COLOURS)], row.top + lane * LANE
        yield f'<rect x="{MARGIN}" y="{top + 4}" width="10" height="10" fill="{colour}"/>'
        yield f'<text x="{MARGIN + 16}" y="{top + 13}" fill="{INK}">{escape(shortened(name))}</text>'
        if bars[name]:
            path = "".join(f"M{x:.1f} {top + (LANE - BAR) // 2}h{width:.1f}v{BAR}h-{width:.1f}z" for x, width in bars[name])
            yield f'<path fill="{colour}" d="{path}"><title>{escape(printable(name))}</title></path>'


def bars_of(row: Row, turns: list[dict[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """By speaker: where each turn, or the part of it in this row, begins, and how wide it is, in pixels."""
    bars: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for turn in turns:
        start, end = max(turn["start"], row.start), min(turn["end"], row.end)
        if start < end:
            bars[turn["speaker"]].append((row.x(start), max(row.x(end) - row.x(start), THINNEST)))
    return bars


def axis(row: Row, lanes: int) -> Iterator[str]:
    bottom, right = row.top + lanes * LANE, row.x(row.end)
    for second in ticks(row):
        x = row.x(second)
        yield f'<line x1="{x:.1f}" y1="{row.top}" x2="{x:.1f}" y2="{bottom + 4}" stroke="{FAINT}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle" font-size="11" fill="{INK}">{clock(second)}</text>'
    yield f'<line x1="{LEFT}" y1="{bottom}" x2="{right:.1f}" y2="{bottom}" stroke="{INK}"/>'


def ticks(row: Row) -> list[float]:
    step = next((step for step in STEPS if row.span / step <= MOST_TICKS), STEPS[-1])
    first, after = math.ceil(row.start / step), math.floor(row.end / step)
    return [float(number * step) for number in range(first, after + 1)]


def clock(seconds: float) -> str:
    """7:12, or 1:07:12."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def shortened(name: str) -> str:
    shown = printable(name)
    return shown if len(shown) <= LONGEST_LABEL else f"{shown[: LONGEST_LABEL - 1]}\u2026"


def printable(name: str) -> str:
    """XML has no control characters, not even escaped."""
    return "".join(character for character in one_line(name) if character.isprintable()) or "-"
