from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from diarization.inference.smoothing import STRANGER, best_path, change_points, join_near, label_region, spans_above


def test_speech_begins_at_the_higher_threshold_and_ends_below_the_lower() -> None:
    scores = np.array([0.25, 0.4, 0.25, 0.1, 0.25, 0.5])
    assert spans_above(scores, onset=0.3, offset=0.2) == [(1, 3), (5, 6)]


def test_near_spans_are_joined() -> None:
    assert join_near([(0, 2), (4, 5), (9, 10)], gap=2) == [(0, 5), (9, 10)]


def test_change_points_hold_both_ends() -> None:
    assert change_points(np.array([1, 1, 0, 2, 2])) == [0, 2, 3, 5]


def test_a_short_doubt_does_not_change_the_speaker() -> None:
    scores = np.array([[1, 0], [1, 0], [0, 1], [1, 0], [1, 0]], np.float64)
    assert best_path(scores, change_penalty=1.0).tolist() == [0, 0, 0, 0, 0]


def test_without_a_penalty_each_frame_has_its_best_label() -> None:
    scores = np.array([[1, 0], [0, 1], [1, 0]], np.float64)
    assert best_path(scores, change_penalty=0.0).tolist() == [0, 1, 0]


@given(arrays(np.float64, (5, 3), elements=st.floats(-5, 5)), st.floats(0, 4))
def test_no_other_path_scores_higher(scores: np.ndarray, penalty: float) -> None:
    def total(path: tuple[int, ...]) -> float:
        return float(scores[range(5), path].sum()) - penalty * int(np.count_nonzero(np.diff(path)))

    best = total(tuple(best_path(scores, change_penalty=penalty)))
    assert best >= max(total(path) for path in product(range(3), repeat=5)) - 1e-9


def test_a_region_is_divided_where_the_windows_begin_to_resemble_another_speaker() -> None:
    centres = np.arange(10.2, 14, 0.4)
    similarities = np.where((centres < 12)[:, None], [0.8, 0.5], [0.5, 0.8])
    first, second = label_region(10.0, 14.0, centres, similarities)
    assert (first[0], first[2], second[1], second[2]) == (10.0, 0, 14.0, 1)
    assert first[1] == second[0]
    assert abs(first[1] - 12.0) <= 0.2


def test_the_margin_is_to_the_next_speaker_or_a_stranger() -> None:
    centres = np.array([10.5, 11.0, 11.5])
    assert label_region(10.0, 12.0, centres, np.tile([0.8, 0.7], (3, 1)))[0][3] == pytest.approx(0.1)
    assert label_region(10.0, 12.0, centres, np.tile([0.8, 0.3], (3, 1)))[0][3] == pytest.approx(0.8 - STRANGER)
    assert label_region(10.0, 12.0, centres, np.full((3, 1), 0.75))[0][3] == pytest.approx(0.75 - STRANGER)
