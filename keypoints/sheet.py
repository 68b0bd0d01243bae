"""The printed scale sheet: A4 with four ArUco markers of 5 cm. Finder, renderer and documentation read it here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

WIDTH_CENTIMETRES = 21.0
HEIGHT_CENTIMETRES = 29.7
MARKER_CENTIMETRES = 5.0
DICTIONARY = "DICT_4X4_50"

MARKERS: Mapping[int, tuple[float, float]] = MappingProxyType({10: (2.0, 2.0), 11: (14.0, 2.0), 12: (14.0, 22.7), 13: (2.0, 22.7)})
"""Marker id -> its top left corner in centimetres from the sheet's top left corner, upright (findings/garments.md, section 2)."""


def corners(marker: int) -> tuple[tuple[float, float], ...]:
    """The marker's four corners in centimetres on the sheet, clockwise from its top left, as ArUco detectors order them."""
    left, top = MARKERS[marker]
    right, bottom = left + MARKER_CENTIMETRES, top + MARKER_CENTIMETRES
    return ((left, top), (right, top), (right, bottom), (left, bottom))
