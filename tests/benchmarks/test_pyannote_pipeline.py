from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.pyannote_pipeline import Answer, Round, difference, misses, text, turns

TURNS = [(0.0, 2.0, "SPEAKER_00"), (1.5, 3.0, "SPEAKER_01"), (4.0, 5.0, "SPEAKER_00")]
NUMBERED = [(start, end, str(int(name[-2:]))) for start, end, name in TURNS]
GOOD = Round(Answer(12, 10, TURNS, TURNS[:1]), Answer(5, 3, NUMBERED, NUMBERED[:1]))
SLOW = replace(GOOD, ours=replace(GOOD.ours, embedding_seconds=4))


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (NUMBERED, 0),
        ([*NUMBERED[:2], (4.0, 5.25, "0")], 0.25),
        (NUMBERED[:2], float("inf")),
        ([*NUMBERED[:2], (4.0, 5.0, "1")], float("inf")),
        ([*NUMBERED[:2], (4.0, 5.0, "2")], float("inf")),
    ],
)
def test_turns_differ_by_their_times_and_infinitely_if_they_are_another_speakers(
    ours: list[tuple[float, float, str]], expected: float
) -> None:
    assert difference(TURNS, ours) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("rounds", "missed"),
    [
        ([GOOD, SLOW, GOOD], []),
        ([SLOW], ["embeddings are made 2.50 times as fast, not 3"]),
        ([replace(GOOD, ours=replace(GOOD.ours, turns=NUMBERED[:1]))], ["turns differ by up to inf s"]),
        ([Round(Answer(12, 10, [], []), Answer(5, 3, [], []))], ["nothing to compare: fewer than two speakers, or they never overlap"]),
    ],
)
def test_what_does_not_hold_is_named(rounds: list[Round], missed: list[str]) -> None:
    assert misses(rounds) == missed


def test_the_table_tells_both_ways_and_their_ratio() -> None:
    lines = text([GOOD, SLOW], 30).splitlines()
    assert lines[3].split() == ["times", "as", "fast", "2.40", "(2.40-2.40)", "2.92", "(2.50-3.33)"]
    assert lines[-1] == "3 turns of 2 speakers, 1 exclusive ones; largest difference 0 s"


class Annotation:
    def itertracks(self, *, yield_label: bool) -> list[tuple[Turn, str, str]]:
        return [(Turn(9.0, 10.5), "a", "SPEAKER_00"), (Turn(10.1, 10.5), "b", "SPEAKER_01")]


class Turn:
    def __init__(self, start: float, end: float) -> None:
        self.start, self.end = start, end


def test_a_turn_ends_with_the_recording() -> None:
    assert turns(Annotation(), 10.0) == [(9.0, 10.0, "SPEAKER_00")]
