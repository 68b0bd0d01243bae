from __future__ import annotations

from typing import Any

import pytest

from benchmarks.centimetres import Answered, answered, missed, one, ours, summaries
from keypoints.training.cutouts import Cutouts
from tasks.errors import Code, InvalidInput


def answers(error: float, plus_minus: float = 2.0, quality: str = "ok") -> list[Answered]:
    names = ("chest_width", "body_length", "waist_width", "outseam")
    return [Answered(name, 50.0, 50.0 + error, plus_minus, quality) for name in names for _ in range(10)]


def test_errors_are_those_of_what_was_not_rejected() -> None:
    found = summaries([*answers(0.5), *answers(30.0, quality="rejected"), Answered("outseam", 90.0, None, 0.0, "rejected", "absent point")])
    assert (found["outseam"]["asked"], found["outseam"]["offered"]) == (21, 10)
    assert (found["all"]["median_cm"], found["all"]["p90_cm"], found["all"]["covered"]) == (0.5, 0.5, 1.0)


@pytest.mark.parametrize(("error", "said"), [(0.5, ["100.0% of the"]), (3.0, ["median 3.00, p90 3.00 cm"] * 4 + ["0.0% of the"])])
def test_what_is_not_good_enough_is_said(error: float, said: list[str]) -> None:
    found = missed(summaries(answers(error)))
    assert len(found) == len(said)
    assert all(words in sentence for words, sentence in zip(said, found, strict=True))


def test_intervals_of_which_nine_in_ten_hold_are_good_enough() -> None:
    assert missed(summaries(answers(0.1) * 9 + answers(0.9, plus_minus=0.1))) == []


class Refusing:
    def predict(self, *_: Any, **__: Any) -> dict[str, Any]:
        raise InvalidInput(Code.NO_GARMENT)


def test_a_garment_that_is_refused_counts_as_not_measured() -> None:
    known = next(ours(1, Cutouts()))
    assert {answer.reason for answer in answered(Refusing(), known)} == {"no_garment"}
    assert {answer.value for answer in answered(Refusing(), known)} == {None}


def test_a_length_without_centimetres_says_why() -> None:
    said = {"name": "outseam", "value_cm": None, "plus_minus_cm": None, "quality": "ok"}
    assert one(90.0, said, {"scale": None}).reason == "no scale"
    assert one(90.0, said, {"scale": {}}).reason == "absent point"
