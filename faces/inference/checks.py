"""What makes a selfie usable: reasons, hints and scores.

Names are those of ISO/IEC 29794-5, as OFIQ spells them, where one exists; measures and scores are ours. Sources of the limits
(`faces/limits.py`): findings/faces.md, section 4, and docs/faces.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from tasks.languages import sentence

FACE_UNCLEAR = "face_unclear", sentence("Face the camera and take off what covers your face.")
TOO_SMALL = "face_too_small", sentence("Come closer to the camera.")
CUT = "face_cut", sentence("Move your whole face into the picture.")
TOO_DARK = "too_dark", sentence("Find more light; let it fall on your face.")
TOO_BRIGHT = "too_bright", sentence("Avoid flash and direct sun on your face.")
TOO_BLURRY = "too_blurry", sentence("Hold the camera still and clean its lens.")
TILTED = "head_tilted", sentence("Hold your head upright.")
NOT_FRONTAL = "not_frontal", sentence("Look straight into the camera.")
NO_FACE = "no_face", sentence("No face was found. Hold the camera at the height of your eyes and look into it.")
SEVERAL_FACES = "several_faces", sentence("Several faces were found. Be alone in the picture.")


@dataclass(frozen=True)
class Rule:
    """A measure must reach its limit, or stay within plus or minus the limit where `at_most`.

    Its score is 0 at `worst`, 50 at the limit, 100 at `best`, straight in between. `digits` are those the answer shows. An `indicative` one
    never decides: it is right often enough to say, not often enough to refuse somebody.
    """

    name: str
    digits: int
    said: tuple[str, str]
    worst: float
    best: float
    at_most: bool = False
    indicative: bool = False

    @property
    def limit(self) -> float:
        limit: float = settings.FACE_LIMITS[self.name]
        return limit

    def passes(self, value: float) -> bool:
        return abs(value) <= self.limit if self.at_most else value >= self.limit

    def score(self, value: float) -> int:
        """0..100; 50 and more passes, less does not."""
        sign = 1 if self.at_most else -1
        limit, worst, best = sign * self.limit, sign * self.worst, sign * self.best
        value = abs(value) if self.at_most else -value
        if value <= limit:
            return 100 if value <= best else round(50 + 50 * (limit - value) / (limit - best))
        return 0 if value >= worst else min(49, round(50 * (worst - value) / (worst - limit)))


RULES = (
    Rule("detection_score", 2, FACE_UNCLEAR, worst=0, best=1.27),
    Rule("face_size", 0, TOO_SMALL, worst=26, best=100),  # a face of 26 pixels is hardly found, one of 100 loses nothing
    Rule("InterEyeDistance", 0, TOO_SMALL, worst=9, best=40),
    Rule("HeadSize", 2, TOO_SMALL, worst=0, best=0.25, indicative=True),
    Rule("face_inside", 2, CUT, worst=0, best=1),
    Rule("LeftwardCropOfTheFaceImage", 2, CUT, worst=0, best=1.4),
    Rule("RightwardCropOfTheFaceImage", 2, CUT, worst=0, best=1.4),
    Rule("MarginAboveOfTheFaceImage", 2, CUT, worst=0, best=1),
    Rule("MarginBelowOfTheFaceImage", 2, CUT, worst=0, best=1.8),
    Rule("LuminanceMean", 0, TOO_DARK, worst=0, best=90),
    Rule("UnderExposurePrevention", 2, TOO_DARK, worst=1, best=0.05, at_most=True),
    Rule("OverExposurePrevention", 2, TOO_BRIGHT, worst=1, best=0, at_most=True),
    Rule("Sharpness", 0, TOO_BLURRY, worst=0, best=55),
    Rule("HeadPoseRoll", 0, TILTED, worst=90, best=5, at_most=True),
    Rule("HeadPoseYaw", 0, NOT_FRONTAL, worst=64, best=5, at_most=True),  # no face beyond 64 degrees was found at all
    Rule("HeadPosePitch", 0, NOT_FRONTAL, worst=60, best=5, at_most=True, indicative=True),
    Rule("EyesOpen", 2, ("eyes_closed", sentence("Open your eyes.")), worst=0, best=0.25, indicative=True),
    Rule("MouthClosed", 2, ("mouth_open", sentence("Close your mouth.")), worst=1, best=0.05, at_most=True, indicative=True),
    Rule("EyesVisible", 2, ("eyes_covered", sentence("Take off dark glasses.")), worst=0, best=0.5, indicative=True),
    Rule("FaceOcclusionPrevention", 2, FACE_UNCLEAR, worst=0, best=1.27, indicative=True),
)
LUMINANCE = next(rule for rule in RULES if rule.name == "LuminanceMean")


@dataclass(frozen=True)
class Check:
    """One judged measure; `passed` and `score` are None where `value` is, as what cannot be computed is not judged. A failed one has reason
    and hint. An `indicative` one decides nothing, whatever it says."""

    name: str
    value: float | None
    limit: float
    passed: bool | None
    score: int | None = None
    reason: str | None = None
    hint: str | None = None
    indicative: bool = False

    @property
    def refuses(self) -> bool:
        return self.passed is False and not self.indicative

    def as_json(self) -> dict[str, Any]:
        said = {"name": self.name, "score": self.score, "value": self.value, "limit": self.limit, "pass": self.passed, "hint": self.hint}
        return {**said, "indicative": self.indicative}


def judge(faces: int, measures: Mapping[str, float]) -> list[Check]:
    """All checks in the order in which a person should mend them; `measures` may lack what could not be computed."""
    return [_single_face(faces), *(_judged(rule, measures.get(rule.name)) for rule in RULES)]


def reasons(checks: Sequence[Check]) -> list[str]:
    """One word for each thing to mend, the first to be mended first."""
    return list(dict.fromkeys(check.reason for check in checks if check.refuses and check.reason))


def next_step(checks: Sequence[Check]) -> str | None:
    """The one instruction to follow now; None for a usable picture."""
    return next((check.hint for check in checks if check.refuses), None)


def _single_face(faces: int) -> Check:
    if faces == 1:
        return Check("SingleFacePresent", 1, 1, passed=True, score=100)
    reason, hint = SEVERAL_FACES if faces else NO_FACE
    return Check("SingleFacePresent", faces, 1, passed=False, score=0, reason=reason, hint=hint)


def _judged(rule: Rule, value: float | None) -> Check:
    if value is None:
        return Check(rule.name, None, rule.limit, passed=None, indicative=rule.indicative)
    shown, score = round(value, rule.digits), rule.score(value)
    if rule.passes(value):
        return Check(rule.name, shown, rule.limit, passed=True, score=score, indicative=rule.indicative)
    reason, hint = rule.said
    return Check(rule.name, shown, rule.limit, passed=False, score=score, reason=reason, hint=hint, indicative=rule.indicative)
