from __future__ import annotations

import pytest

from faces.inference.boxes import Box
from faces.inference.checks import judge
from faces.inference.detector import Face, real_faces

GOOD = {
    "detection_score": 2.0,
    "face_size": 200,
    "face_inside": 1,
    "brightness": 120,
    "over_exposure": 0,
    "sharpness": 300,
    "roll": 0,
    "yaw": 0,
}


def reasons(faces: int, **measures: float) -> list[str]:
    return [check.reason for check in judge(faces, {**GOOD, **measures}) if check.reason]


@pytest.mark.parametrize(
    ("measure", "value", "reason"),
    [
        ("detection_score", 0.29, "face_unclear"),
        ("face_size", 59, "face_too_small"),
        ("face_inside", 0.84, "face_cut"),
        ("brightness", 44, "too_dark"),
        ("over_exposure", 0.31, "too_bright"),
        ("sharpness", 19, "too_blurry"),
        ("roll", -26, "head_tilted"),
        ("yaw", 31, "not_frontal"),
        ("yaw", -31, "not_frontal"),
    ],
)
def test_each_limit_has_its_reason(measure: str, value: float, reason: str) -> None:
    assert reasons(1, **{measure: value}) == [reason]


def test_a_measure_at_its_limit_passes() -> None:
    assert reasons(1, face_size=60, brightness=45, sharpness=20, roll=-25, yaw=30, over_exposure=0.3, face_inside=0.85) == []


def test_the_number_of_faces_is_judged_first() -> None:
    assert reasons(2, brightness=10) == ["several_faces", "too_dark"]
    assert reasons(0) == ["no_face"]


def test_only_what_failed_has_a_hint() -> None:
    assert [check.name for check in judge(1, {**GOOD, "yaw": 50}) if check.hint] == ["yaw"]


def test_what_cannot_be_computed_is_not_judged() -> None:
    assert {check.passed for check in judge(0, {})[1:]} == {None}


def test_weak_and_far_smaller_faces_do_not_count() -> None:
    main, second, far, weak = (Face(Box(0, 0, side, side), score) for side, score in [(100, 2.0), (50, 0.3), (49, 2.0), (300, 0.29)])
    assert real_faces([weak, main, second, far]) == [main, second]
    assert real_faces([weak]) == real_faces([]) == []
