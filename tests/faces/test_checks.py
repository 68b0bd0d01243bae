from __future__ import annotations

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from faces.inference.boxes import Box
from faces.inference.checks import RULES, Check, Rule, judge, next_step, reasons
from faces.inference.detector import Face, real_faces
from faces.limits import LIMITS, limits

GOOD = {
    "detection_score": 2.0,
    "FaceOcclusionPrevention": 2.0,
    "face_size": 200,
    "InterEyeDistance": 80,
    "HeadSize": 0.3,
    "face_inside": 1,
    "LeftwardCropOfTheFaceImage": 2,
    "RightwardCropOfTheFaceImage": 2,
    "MarginAboveOfTheFaceImage": 1.2,
    "MarginBelowOfTheFaceImage": 2,
    "LuminanceMean": 120,
    "UnderExposurePrevention": 0.01,
    "OverExposurePrevention": 0,
    "Sharpness": 300,
    "HeadPoseRoll": 0,
    "HeadPoseYaw": 0,
    "HeadPosePitch": 0,
    "EyesOpen": 0.3,
    "MouthClosed": 0.02,
    "EyesVisible": 0.6,
}


def judged(faces: int, **measures: float) -> dict[str, Check]:
    return {check.name: check for check in judge(faces, {**GOOD, **measures})}


def wanting(faces: int, **measures: float) -> list[str]:
    return reasons(judge(faces, {**GOOD, **measures}))


@pytest.mark.parametrize(
    ("measure", "value", "reason"),
    [
        ("detection_score", 0.29, "face_unclear"),
        ("face_size", 59, "face_too_small"),
        ("InterEyeDistance", 19, "face_too_small"),
        ("face_inside", 0.84, "face_cut"),
        ("LeftwardCropOfTheFaceImage", 0.4, "face_cut"),
        ("RightwardCropOfTheFaceImage", 0.4, "face_cut"),
        ("MarginAboveOfTheFaceImage", 0.2, "face_cut"),
        ("MarginBelowOfTheFaceImage", 0.8, "face_cut"),
        ("LuminanceMean", 44, "too_dark"),
        ("UnderExposurePrevention", 0.51, "too_dark"),
        ("OverExposurePrevention", 0.31, "too_bright"),
        ("Sharpness", 19, "too_blurry"),
        ("HeadPoseRoll", -26, "head_tilted"),
        ("HeadPoseYaw", 31, "not_frontal"),
        ("HeadPoseYaw", -31, "not_frontal"),
    ],
)
def test_each_limit_has_its_reason(measure: str, value: float, reason: str) -> None:
    assert wanting(1, **{measure: value}) == [reason]
    assert judged(1, **{measure: value})[measure].passed is False


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("HeadPosePitch", 50),
        ("EyesOpen", 0.05),
        ("MouthClosed", 0.9),
        ("EyesVisible", 0.1),
        ("FaceOcclusionPrevention", 0.4),
        ("HeadSize", 0.01),
    ],
)
def test_what_only_indicates_is_said_with_a_hint_and_refuses_nobody(measure: str, value: float) -> None:
    check = judged(1, **{measure: value})[measure]
    assert check.indicative and check.passed is False and check.hint
    assert wanting(1, **{measure: value}) == [] and next_step(judge(1, {**GOOD, measure: value})) is None


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_a_measure_at_its_limit_passes_with_a_score_of_50(name: str) -> None:
    assert (judged(1, **{name: LIMITS[name]})[name].passed, judged(1, **{name: LIMITS[name]})[name].score) == (True, 50)


@given(st.sampled_from(RULES), st.floats(-1000, 1000), st.floats(-1000, 1000))
def test_a_better_value_never_scores_less_and_50_is_what_passes(rule: Rule, one: float, other: float) -> None:
    worse, better = sorted((one, other), key=lambda value: -abs(value) if rule.at_most else value)
    assert 0 <= rule.score(worse) <= rule.score(better) <= 100
    assert (rule.score(one) >= 50) == rule.passes(one)


@given(st.sampled_from(RULES), st.floats(0, 1000), st.floats(-1000, 1000))
def test_scores_follow_whatever_limit_is_set(rule: Rule, limit: float, value: float) -> None:
    with override_settings(FACE_LIMITS={**LIMITS, rule.name: limit}):
        assert (rule.score(value) >= 50) == rule.passes(value) and 0 <= rule.score(value) <= 100


def test_the_number_of_faces_is_judged_first_and_each_reason_said_once() -> None:
    assert wanting(2, LuminanceMean=10, UnderExposurePrevention=0.9) == ["several_faces", "too_dark"]
    assert wanting(0) == ["no_face"]


def test_the_next_step_is_that_of_the_first_reason() -> None:
    assert next_step(judge(1, {**GOOD, "face_size": 30, "HeadPoseYaw": 60})) == "Come closer to the camera."
    assert next_step(judge(1, GOOD)) is None


def test_only_what_failed_has_a_hint() -> None:
    assert [check.name for check in judge(1, {**GOOD, "HeadPoseYaw": 50}) if check.hint] == ["HeadPoseYaw"]


def test_what_cannot_be_computed_is_not_judged() -> None:
    assert {(check.passed, check.score, check.value) for check in judge(0, {})[1:]} == {(None, None, None)}


def test_an_operator_sets_limits_by_name() -> None:
    own = limits({"Sharpness": "40.5", "HeadPoseYaw": "20"})
    assert (own["Sharpness"], own["HeadPoseYaw"], own["face_size"]) == (40.5, 20, 60)


@pytest.mark.parametrize("own", [{"sharpness": "40"}, {"Sharpness": "much"}, {"Sharpness": "-1"}, {"Sharpness": "nan"}])
def test_a_limit_that_is_none_is_refused(own: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"sharpness|much|Sharpness"):
        limits(own)


def test_weak_and_far_smaller_faces_do_not_count() -> None:
    main, second, far, weak = (Face(Box(0, 0, side, side), score) for side, score in [(100, 2.0), (50, 0.3), (49, 2.0), (300, 0.29)])
    assert real_faces([weak, main, second, far]) == [main, second]
    assert real_faces([weak]) == real_faces([]) == []
