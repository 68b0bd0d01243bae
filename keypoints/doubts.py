"""Why a garment that was measured may not be what was asked for, and what that takes from its measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keypoints.geometry import Measurement, Quality, capped
from keypoints.landmarks import NO_GARMENT
from tasks.errors import warning
from tasks.languages import sentence

MISMATCH_BELOW = 0.05
"""Of what was asked for. On held-out photos it contradicts 97 % of wrong categories and 1 % of right ones (`inference/weights.md`)."""
NO_GARMENT_FROM = 0.5
WORN_FROM = 0.5


@dataclass(frozen=True)
class Seen:
    """What the picture as a whole looks like: the likeliest category, or `no_garment`, with its probability; the probability of all that
    was asked for, and that the garment is on a body."""

    category: str
    probability: float
    asked: float
    worn: float


@dataclass(frozen=True)
class Doubt:
    """`best`: the quality that a measurement can have in spite of it."""

    warning: dict[str, Any]
    best: Quality


def doubts(seen: Seen | None) -> list[Doubt]:
    """What speaks against the measurements; nothing from a network that cannot tell."""
    if seen is None:
        return []
    found = []
    if seen.category == NO_GARMENT and seen.probability >= NO_GARMENT_FROM:
        found.append(Doubt(warning("no_garment", "The picture does not seem to show a garment."), "rejected"))
    elif seen.asked < MISMATCH_BELOW:
        said = sentence("The picture seems to show another garment: %(category)s.", category=seen.category)
        found.append(Doubt(warning("category_mismatch", said), "check"))
    if seen.worn >= WORN_FROM:
        found.append(Doubt(warning("worn_garment", "The garment seems to be worn: measure one that lies flat or hangs."), "rejected"))
    return found


def doubted(measurements: Sequence[Measurement], seen: Seen | None) -> list[Measurement]:
    """None of a better quality than the doubts allow."""
    return capped(measurements, [doubt.best for doubt in doubts(seen)])
