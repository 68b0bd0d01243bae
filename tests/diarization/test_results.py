"""What is counted of turns."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarization.results import document

ANNA, BEN = "SPEAKER_00", "SPEAKER_01"


def turn(start: float, end: float, speaker: str, confidence: float | None = None) -> dict[str, Any]:
    return {"start": start, "end": end, "speaker": speaker, "confidence": confidence}


def test_time_in_which_two_speak_counts_for_both_and_once_as_speech() -> None:
    found = document([turn(0, 4, ANNA), turn(3, 6, BEN), turn(7, 8, ANNA)], [], 10)
    assert [(speaker["name"], speaker["seconds"], speaker["overlap_seconds"], speaker["turns"]) for speaker in found["speakers"]] == [
        (ANNA, 5.0, 1.0, 2),
        (BEN, 3.0, 1.0, 1),
    ]
    assert (found["speech_seconds"], found["speech_ratio"], found["overlap_seconds"]) == (7.0, 0.7, 1.0)


def test_speakers_stand_in_the_order_of_their_first_turns() -> None:
    found = document([turn(5, 6, ANNA), turn(1, 2, BEN)], [], 10)
    assert ([speaker["name"] for speaker in found["speakers"]], found["num_speakers_found"]) == ([BEN, ANNA], 2)
    assert [each["start"] for each in found["turns"]] == [1.0, 5.0]


def test_a_speakers_confidence_is_that_of_the_turns_by_their_length() -> None:
    found = document([turn(0, 3, ANNA, 1.0), turn(4, 5, ANNA, 0.2), turn(6, 9, ANNA), turn(9, 10, BEN)], [], 10)
    assert [speaker["confidence"] for speaker in found["speakers"]] == [0.8, None]


def test_times_are_told_to_the_millisecond_and_what_rounds_to_nothing_is_left_out() -> None:
    found = document([turn(0.00049, 1.23456, ANNA, 0.98765), turn(2, 2.0004, BEN)], [turn(0, 1, ANNA, 0.5)], 3)
    assert found["turns"] == [turn(0.0, 1.235, ANNA, 0.988)]
    assert found["exclusive"] == [{"start": 0.0, "end": 1.0, "speaker": ANNA}]


@pytest.mark.parametrize("duration", [0.0, 10.0])
def test_silence_has_no_speakers(duration: float) -> None:
    assert document([], [], duration) == {
        "turns": [],
        "exclusive": [],
        "speakers": [],
        "num_speakers_found": 0,
        "speech_seconds": 0.0,
        "speech_ratio": 0.0,
        "overlap_seconds": 0.0,
    }


def test_turns_that_end_later_than_the_recording_are_no_more_than_all_of_it() -> None:
    assert document([turn(0, 10.02, ANNA)], [], 10)["speech_ratio"] == 1.0


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to four people; nobody interrupts himself."""
    turns = []
    for speaker in range(draw(st.integers(0, 4))):
        marks = sorted(draw(st.sets(st.integers(0, 60), max_size=12)))
        turns += [turn(start, end, f"SPEAKER_{speaker:02d}") for start, end in zip(marks[::2], marks[1::2], strict=False)]
    return turns


@given(conversations())
def test_what_is_counted_agrees_with_counting_each_second(turns: list[dict[str, Any]]) -> None:
    found = document(turns, [], 60)
    talking = [{each["speaker"] for each in turns if each["start"] <= second < each["end"]} for second in range(60)]
    assert found["speech_seconds"] == sum(bool(names) for names in talking)
    assert found["overlap_seconds"] == sum(len(names) > 1 for names in talking)
    for speaker in found["speakers"]:
        mine = [names for names in talking if speaker["name"] in names]
        assert (speaker["seconds"], speaker["overlap_seconds"]) == (len(mine), sum(len(names) > 1 for names in mine))
