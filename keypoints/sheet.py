"""The printed scale sheets: four ArUco markers of 5 cm on A4 or Letter. Finder, drawing and documentation read them here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MARKER_CENTIMETRES = 5.0
DICTIONARY = "DICT_4X4_50"
CELLS = 6
"""A marker is 6 x 6 cells: a black frame around 4 x 4 bits."""
BITS: Mapping[int, int] = MappingProxyType(
    {10: 0xF991, 11: 0x11A7, 12: 0x0EB7, 13: 0x2A0F, 14: 0x24B1, 15: 0x263E, 16: 0x4665, 17: 0x6600},
)
"""Of our markers, row by row from the upper left, a 1 is white: a part of OpenCV's dictionary, for processes without cv2."""

Corner = tuple[float, float]


@dataclass(frozen=True)
class Sheet:
    """A paper in centimetres. `markers`: id -> its upper left corner, from the paper's upper left corner, upright."""

    paper: str
    width: float
    height: float
    markers: Mapping[int, Corner]

    def corners(self, marker: int) -> tuple[Corner, ...]:
        """The marker's four corners, clockwise from its upper left, as ArUco detectors order them."""
        left, top = self.markers[marker]
        right, bottom = left + MARKER_CENTIMETRES, top + MARKER_CENTIMETRES
        return ((left, top), (right, top), (right, bottom), (left, bottom))

    @property
    def outline(self) -> tuple[Corner, ...]:
        return ((0.0, 0.0), (self.width, 0.0), (self.width, self.height), (0.0, self.height))


def _sheet(paper: str, width: float, height: float, first: int) -> Sheet:
    """Markers 2 cm from the edges, numbered clockwise from the upper left (findings/garments.md, section 2)."""
    left, top = 2.0, 2.0
    right, bottom = round(width - 7.0, 2), round(height - 7.0, 2)
    places = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Sheet(paper, width, height, MappingProxyType({first + number: place for number, place in enumerate(places)}))


A4 = _sheet("a4", 21.0, 29.7, first=10)
LETTER = _sheet("letter", 21.59, 27.94, first=14)
SHEETS: Mapping[str, Sheet] = MappingProxyType({sheet.paper: sheet for sheet in (A4, LETTER)})


def cells(marker: int) -> tuple[tuple[bool, ...], ...]:
    """The marker's rows of cells, True where black."""
    bits = [[not BITS[marker] >> (15 - 4 * row - column) & 1 for column in range(4)] for row in range(4)]
    frame = (True,) * CELLS
    return (frame, *((True, *row, True) for row in bits), frame)
