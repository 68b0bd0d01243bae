from __future__ import annotations

import numpy as np
import pytest

from diarization.inference.clustering import MOST_LEARNT, Division, Learning, Voices, blended, speaker_means, steadiness, unit
from diarization.inference.diarizer import Asked

HOP, WINDOW = 0.4, 1.6


def voices(*counts: int, alike: float = 0.3, scatter: float = 0.033) -> Voices:
    """Windows of speakers, one after the other: (windows, 256) of length 1; `alike` is the cosine between any two speakers' voices, and
    the default scatter gives each a similarity of .78 to himself."""
    random = np.random.default_rng(1)
    common, own = np.sqrt(alike) * np.eye(256)[0], np.sqrt(1 - alike) * np.eye(256)[1:]
    return unit(
        np.concatenate([common + own[speaker] + scatter * random.standard_normal((n, 256)) for speaker, n in enumerate(counts)])
    ).astype(np.float32)


def counted(vectors: Voices, asked: Asked | None = None, *, telephone: bool = False) -> int:
    """Speakers found in one stretch of speech."""
    starts = np.arange(len(vectors), dtype=np.float64) * HOP
    regions = np.array([[0.0, starts[-1] + WINDOW]])
    return len(speaker_means(vectors, starts, regions, asked or Asked(), telephone=telephone, window=WINDOW, hop=HOP))


def test_speakers_are_counted_and_told_apart() -> None:
    vectors = voices(30, 40, 20)
    starts = np.arange(90, dtype=np.float64) * HOP
    means = speaker_means(vectors, starts, np.array([[0.0, 40.0]]), Asked(), telephone=False, window=WINDOW, hop=HOP)
    labels = (vectors @ unit(means).T).argmax(axis=1)
    assert [len(set(labels[part])) for part in (slice(30), slice(30, 70), slice(70, 90))] == [1, 1, 1]
    assert len(means) == len(set(labels)) == 3


def test_one_voice_is_one_speaker() -> None:
    assert counted(voices(60)) == 1


@pytest.mark.parametrize(("scatter", "speakers"), [(0.02, 2), (0.033, 2)])
def test_voices_are_told_apart_by_how_alike_they_are_beside_their_own_scatter(scatter: float, speakers: int) -> None:
    assert counted(voices(60, 60, alike=0.75, scatter=scatter)) == speakers
    assert counted(voices(60, 60, alike=0.97, scatter=scatter)) == 1


@pytest.mark.parametrize(
    ("asked", "speakers"),
    [
        (Asked(num_speakers=2), 2),
        (Asked(num_speakers=5), 5),
        (Asked(max_speakers=2), 2),
        (Asked(min_speakers=4), 4),
        (Asked(min_speakers=1, max_speakers=4), 3),
        (Asked(num_speakers=1), 1),
    ],
)
def test_what_is_asked_for_is_kept(asked: Asked, speakers: int) -> None:
    assert counted(voices(30, 40, 20), asked) == speakers


def test_there_are_no_more_speakers_than_windows() -> None:
    assert counted(voices(3), Asked(num_speakers=9)) == 3
    assert counted(voices(1), Asked(num_speakers=2)) == 1


def test_a_long_recording_is_learnt_on_part_of_it() -> None:
    vectors = voices(2000, 3000)
    learning = Learning.of(vectors, np.arange(5000, dtype=np.float64) * HOP, np.ones(5000, bool), HOP)
    assert len(learning.vectors) == MOST_LEARNT
    assert counted(vectors) == 2


def test_a_rare_voice_is_no_speaker_of_a_long_recording() -> None:
    assert counted(voices(400, 590, 10)) == 2
    assert counted(voices(40, 59, 10)) == 3


def test_two_voices_may_be_more_alike_on_the_telephone_but_three_may_not() -> None:
    two, three = voices(60, 60, alike=0.885), voices(60, 60, 60, alike=0.885)
    assert (counted(two), counted(two, telephone=True)) == (1, 2)
    assert counted(three, telephone=True) <= 2
    assert counted(voices(60), telephone=True) == 1


def test_divisions_are_blended_speaker_by_speaker() -> None:
    vectors = voices(30, 30)
    means = np.stack([vectors[:30].mean(axis=0), vectors[30:].mean(axis=0)]).astype(np.float64)
    blend = blended([Division(means, 0.3), Division(means[::-1], 0.3)], vectors)
    assert (unit(blend) @ unit(means).T).diagonal().min() > 0.999


def test_a_division_that_fits_badly_hardly_counts() -> None:
    vectors = voices(30, 30)
    means = np.stack([vectors[:30].mean(axis=0), vectors[30:].mean(axis=0)]).astype(np.float64)
    mixed = np.stack([vectors[::2].mean(axis=0), vectors[1::2].mean(axis=0)]).astype(np.float64)
    assert (unit(blended([Division(mixed, 0.3), Division(means, 0.3)], vectors)) @ unit(means).T).diagonal().min() > 0.999


def test_steadiness_is_low_where_the_speaker_changes() -> None:
    vectors = voices(10, 10)
    steady = steadiness(vectors, np.arange(20, dtype=np.float64) * HOP + 0.8, np.array([[0.0, 20.0]]), lag=2)
    assert set(np.argsort(steady)[:4]) == {8, 9, 10, 11}


def test_steadiness_does_not_look_into_another_region() -> None:
    vectors, centres = voices(10, 10), np.arange(20, dtype=np.float64) * HOP + 0.8
    steady = steadiness(vectors, centres, np.array([[0.0, 4.55], [4.65, 20.0]]), lag=2)
    assert steady.min() > 0.6
