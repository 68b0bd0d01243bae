"""The old crash is there for all to see, and our way does not have it."""

from __future__ import annotations

import pytest

from benchmarks.dlib_threads import Outcome, as_expected, outcome, text

DIED = Outcome("shared", 2, "SIGABRT", last_words="free(): invalid size")
RIGHT = Outcome("worker", 2, "right", calls=30)


@pytest.mark.slow
def test_threads_on_one_detector_die_and_threads_on_one_worker_do_not() -> None:
    ends = {outcome("shared", 4, 4).end for _ in range(3)}
    assert ends - {"right", "raised"}
    assert outcome("worker", 4, 2).end == "right"


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([DIED, RIGHT], True),
        ([RIGHT], True),
        ([Outcome("shared", 2, "right"), RIGHT], False),
        ([DIED, Outcome("worker", 2, "wrong faces", calls=9, wrong=1)], False),
    ],
)
def test_it_is_as_expected_when_only_the_shared_detector_fails(outcomes: list[Outcome], expected: bool) -> None:
    assert as_expected(outcomes) is expected


def test_the_table_counts_how_runs_ended_and_quotes_their_last_words() -> None:
    said = text([DIED, DIED, Outcome("shared", 2, "hung"), RIGHT])
    assert "2 SIGABRT, 1 hung" in said
    assert "2 x free(): invalid size" in said
