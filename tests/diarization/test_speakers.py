from __future__ import annotations

import numpy as np
import pytest

from diarization.inference.clustering import Voices
from diarization.inference.diarizer import Asked, Found
from diarization.inference.smoothing import Floats
from diarization.inference.speakers import confidence, tell_apart
from diarization.inference.windows import window_starts
from tests.diarization.test_clustering import HOP, WINDOW, voices

REGIONS = np.array([[1.0, 13.0], [14.0, 26.0], [27.0, 39.0]])


def heard(regions: Floats, *speakers: int) -> tuple[Floats, Voices]:
    """Windows of the regions and their vectors, each region of one of two speakers."""
    starts = window_starts(regions, window=WINDOW, hop=HOP)
    region = np.searchsorted(regions[:, 0], starts + WINDOW / 2, side="right") - 1
    whose = np.array(speakers)[region]
    vectors = np.zeros((len(starts), 256), np.float32)
    both = voices(len(starts), len(starts))
    for speaker in (0, 1):
        vectors[whose == speaker] = both[speaker * len(starts) :][: int((whose == speaker).sum())]
    return starts, vectors


def told(asked: Asked | None = None) -> Found:
    return tell_apart(REGIONS, *heard(REGIONS, 1, 0, 1), asked or Asked(), telephone=False)


def test_each_turn_is_given_to_its_speaker_in_the_order_of_first_words() -> None:
    assert [(turn.start, turn.end, turn.speaker) for turn in told().turns] == [(1, 13, 0), (14, 26, 1), (27, 39, 0)]


def test_turns_are_exclusive_and_sure() -> None:
    found = told()
    assert found.exclusive == found.turns
    assert all(turn.confidence is not None and turn.confidence > 0.8 for turn in found.turns)


def test_hints_reach_the_clustering() -> None:
    assert {turn.speaker for turn in told(Asked(num_speakers=1)).turns} == {0}
    assert len({turn.speaker for turn in told(Asked(num_speakers=3)).turns}) == 3


def test_without_speech_nobody_is_found() -> None:
    assert tell_apart(np.zeros((0, 2)), np.zeros(0), np.zeros((0, 256), np.float32), Asked(), telephone=False) == Found([], [])


def test_confidence_grows_with_the_margin() -> None:
    sure = [confidence(margin) for margin in (-0.3, 0.0, 0.1, 0.3)]
    assert sure == sorted(sure)
    assert 0 < sure[0] < sure[-1] < 1
    assert confidence(0.2) == pytest.approx(0.86, abs=0.02)
