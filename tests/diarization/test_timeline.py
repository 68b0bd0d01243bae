"""The picture of who spoke when."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from diarization.results import document
from diarization.timeline import LONGEST_ROW_SECONDS, clock, svg
from tests.diarization.test_results import turn

SVG = "{http://www.w3.org/2000/svg}"


def result(duration: float, *turns: dict[str, Any]) -> dict[str, Any]:
    return {**document(turns, [], duration), "duration_seconds": duration}


def drawn(found: dict[str, Any]) -> ElementTree.Element:
    return ElementTree.fromstring(svg(found, "job-1"))  # noqa: S314 (our own)


def bars(picture: ElementTree.Element) -> list[str]:
    return [path.attrib["d"] for path in picture.iter(f"{SVG}path")]


def texts(picture: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


def test_each_speaker_has_a_lane_and_each_turn_a_bar_in_it() -> None:
    picture = drawn(result(10, turn(0, 4, "Anna"), turn(3, 6, "Ben"), turn(8, 10, "Anna")))
    assert bars(picture) == ["M210.0 67h400.0v12h-400.0zM1010.0 67h200.0v12h-200.0z", "M510.0 85h300.0v12h-300.0z"]
    assert {"Anna", "Ben", "0:00", "0:10"} <= set(texts(picture))


def test_a_reader_who_does_not_see_it_is_told_in_words() -> None:
    picture = drawn(result(10, turn(0, 4, "Anna"), turn(3, 6, "Ben"), turn(8, 10, "Anna")))
    assert picture.attrib["role"] == "img" and picture.findtext(f"{SVG}title") == "Who spoke when"
    said = "2 speakers in 0:10; speech 80%, several at once 0:01. Anna: 0:06 in 2 turns. Ben: 0:03 in 1 turn"
    assert picture.findtext(f"{SVG}desc") == said


def test_a_long_recording_goes_on_in_further_rows() -> None:
    row = LONGEST_ROW_SECONDS
    picture = drawn(result(4 * 3600, turn(row - 10, row + 10, "Anna"), turn(4 * 3600 - 5, 4 * 3600, "Ben")))
    assert len(bars(picture)) == 3  # the turn over the end of a row is in both
    assert [text for text in texts(picture) if text == "4:00:00"] == ["4:00:00"]
    assert float(picture.attrib["height"]) > 8 * 2 * 18


def test_a_word_in_a_long_recording_can_be_seen() -> None:
    assert bars(drawn(result(1800, turn(900, 900.2, "Anna")))) == ["M710.0 67h0.8v12h-0.8z"]


def test_silence_is_drawn_too() -> None:
    picture = drawn(result(0))
    assert bars(picture) == [] and "Nobody speaks in 0:00." in texts(picture)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a & b", "two\nlines", "\x00\x08\ufffe", '"quoted"', "x" * 300])
def test_a_name_is_nothing_but_text(name: str) -> None:
    picture = drawn(result(10, turn(0, 4, name)))
    assert list(picture.iter(f"{SVG}script")) == [] and len(bars(picture)) == 1
    assert max(map(len, texts(picture))) < 60


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00"), (59.6, "1:00"), (432, "7:12"), (3599.7, "1:00:00"), (14_400, "4:00:00")])
def test_times_are_told_as_on_a_clock(seconds: float, said: str) -> None:
    assert clock(seconds) == said
