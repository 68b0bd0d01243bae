"""How good a selfie must be: one limit for each check, and an operator's own."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

LIMITS = {
    "detection_score": 0.3,
    "face_size": 60.0,
    "face_inside": 0.85,
    "LeftwardCropOfTheFaceImage": 0.5,
    "RightwardCropOfTheFaceImage": 0.5,
    "MarginAboveOfTheFaceImage": 0.3,
    "MarginBelowOfTheFaceImage": 0.85,
    "InterEyeDistance": 20.0,
    "HeadSize": 0.1,
    "LuminanceMean": 45.0,
    "UnderExposurePrevention": 0.5,
    "OverExposurePrevention": 0.3,
    "Sharpness": 20.0,
    "HeadPoseRoll": 25.0,
    "HeadPoseYaw": 30.0,
    "HeadPosePitch": 25.0,
    "EyesOpen": 0.12,
    "MouthClosed": 0.35,
    "EyesVisible": 0.16,
    "FaceOcclusionPrevention": 0.5,
}


def limits(own: Mapping[str, str]) -> dict[str, float]:
    """All limits, those of `own` instead of the defaults. Raises ValueError for a name or a number that is none."""
    if strangers := set(own) - set(LIMITS):
        raise ValueError(f"{', '.join(sorted(strangers))} is none of {', '.join(LIMITS)}")
    chosen = {name: float(value) for name, value in own.items()}
    if odd := [name for name, value in chosen.items() if not isfinite(value) or value < 0]:
        raise ValueError(f"{', '.join(odd)}: a limit is a number from 0 on")
    return {**LIMITS, **chosen}
