from __future__ import annotations

import numpy as np
import pytest

from diarization.inference.windows import cut, speech_inside, window_starts


def test_windows_cover_a_region_and_stay_inside_it() -> None:
    starts = window_starts(np.array([[10.0, 13.0]]), window=1.6, hop=0.4)
    assert np.allclose(starts, [10.0, 10.4, 10.8, 11.4])


@pytest.mark.parametrize("end", [12.83, 12.9, 13.0])
def test_a_region_that_ends_later_has_the_same_windows_but_for_the_last(end: float) -> None:
    starts = window_starts(np.array([[10.0, end]]), window=1.6, hop=0.4)
    assert np.allclose(starts, [10.0, 10.4, 10.8, end - 1.6])


@pytest.mark.parametrize("room", [0.01, 0.1, 0.4, 0.59, 0.61, 1.0, 7.77])
def test_windows_are_at_most_a_hop_and_a_half_apart(room: float) -> None:
    steps = np.diff(window_starts(np.array([[0.0, 1.6 + room]]), window=1.6, hop=0.4))
    assert steps.min() > 0 and steps.max() <= 0.6 + 1e-9


def test_a_short_region_gets_one_window_centred_on_it() -> None:
    assert np.allclose(window_starts(np.array([[0.0, 0.6], [5.0, 6.0]]), window=1.6, hop=0.4), [-0.5, 4.7])


def test_no_region_gives_no_window() -> None:
    assert len(window_starts(np.zeros((0, 2)), window=1.6, hop=0.4)) == 0


def test_speech_inside_a_window_is_marked_frame_by_frame() -> None:
    active = speech_inside(np.array([0.0, 1.0, 5.0]), np.array([[0.5, 1.5]]), window=1.0, frames=4)
    assert active.tolist() == [[0, 0, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]]


def test_pieces_are_filled_with_zeros_outside_the_sound() -> None:
    sound = np.array([1, 2, 3], np.float32)
    assert cut(sound, np.array([-1, 1, 9]), 3).tolist() == [[0, 1, 2], [2, 3, 0], [0, 0, 0]]
