"""What makes a selfie usable: limits, reasons and hints. Sources of the limits: findings/faces.md, section 4."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faces.inference.detector import MIN_SCORE


@dataclass(frozen=True)
class Rule:
    """A measure must reach `limit`, or stay within plus or minus `limit` where `at_most`; `digits` are those the answer shows."""

    name: str
    limit: float
    digits: int
    reason: str
    hint: str
    at_most: bool = False

    def passes(self, value: float) -> bool:
        return abs(value) <= self.limit if self.at_most else value >= self.limit


RULES = (
    Rule("detection_score", MIN_SCORE, 2, "face_unclear", "Face the camera and take off what covers your face."),
    Rule("face_size", 60, 0, "face_too_small", "Come closer to the camera."),  # a narrower face is 0.2 from itself at full size
    Rule("face_inside", 0.85, 2, "face_cut", "Move your whole face into the picture."),
    Rule("brightness", 45, 0, "too_dark", "Find more light; let it fall on your face."),
    Rule("over_exposure", 0.30, 2, "too_bright", "Avoid flash and direct sun on your face.", at_most=True),
    Rule("sharpness", 20, 0, "too_blurry", "Hold the camera still and clean its lens."),
    Rule("roll", 25, 0, "head_tilted", "Hold your head upright.", at_most=True),  # HOG finds all faces to 30 degrees
    Rule("yaw", 30, 0, "not_frontal", "Look straight into the camera.", at_most=True),
)
BRIGHTNESS = next(rule for rule in RULES if rule.name == "brightness")
NO_FACE = "no_face", "No face was found. Hold the camera at the height of your eyes and look into it."
SEVERAL_FACES = "several_faces", "Several faces were found. Be alone in the picture."


@dataclass(frozen=True)
class Check:
    """One judged measure; `passed` is None where `value` is, as what cannot be computed is not judged. A failed one has reason and hint."""

    name: str
    value: float | None
    limit: float
    passed: bool | None
    reason: str | None = None
    hint: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "value": self.value, "limit": self.limit, "pass": self.passed, "hint": self.hint}


def judge(faces: int, measures: Mapping[str, float]) -> list[Check]:
    """All checks in the order in which a person should mend them; `measures` may lack what could not be computed."""
    return [_one_face(faces), *(_judged(rule, measures.get(rule.name)) for rule in RULES)]


def _one_face(faces: int) -> Check:
    if faces == 1:
        return Check("one_face", 1, 1, passed=True)
    reason, hint = SEVERAL_FACES if faces else NO_FACE
    return Check("one_face", faces, 1, passed=False, reason=reason, hint=hint)


def _judged(rule: Rule, value: float | None) -> Check:
    if value is None:
        return Check(rule.name, None, rule.limit, passed=None)
    shown = round(value, rule.digits)
    if rule.passes(value):
        return Check(rule.name, shown, rule.limit, passed=True)
    return Check(rule.name, shown, rule.limit, passed=False, reason=rule.reason, hint=rule.hint)
