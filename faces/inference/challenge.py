"""Did a head turn between two pictures, as it was asked to? What that stops, and what not: findings/faces.md, section 4."""

from __future__ import annotations

from typing import Literal

from faces.inference.detector import Stage
from tasks.languages import sentence

Direction = Literal["left", "right"]

LEAST_TURN = 15.0  # degrees: flat photos, tilted by 20 to 40 degrees, turned by 7 at most in nine of ten, real turns by 11 to 27
FARTHEST = 0.55  # between the two pictures: nearly nobody else lies so near, and the same person's next second is much nearer
STAGE = Stage(side=800, upsampling=1, sure_score=0)  # boxes from smaller pictures cost a real turn half of its degrees

STOPS = (sentence("One still, flat photo before the camera, tilted or not (of 34, tilted by 20 to 40 degrees, nine in ten turned by 7)."),)
DOES_NOT_STOP = (
    sentence("A video that is replayed, where the asked direction is guessed or both are at hand."),
    sentence("Two photos of the person, one of them turned."),
    sentence("A photo that is bent."),
    sentence("A mask of the person's face."),
    sentence("A face that is made by a program (a deepfake)."),
)
OTHER_PERSON = "other_person", sentence("Both pictures have to show the same person.")
WRONG_WAY = "wrong_direction", sentence("Turn your head the other way.")
TOO_LITTLE = "turned_too_little", sentence("Turn your head farther, about as far as for looking over your shoulder.")


def wanting(direction: Direction, yaw_before: float, yaw_after: float, distance: float) -> list[tuple[str, str]]:
    """Why it did not pass: a word and what to do about it, the first to be mended first. Yaws in degrees, above 0 towards the right of the
    picture; `direction` is that of the picture too."""
    turn = (yaw_after - yaw_before) * (1 if direction == "right" else -1)
    found: list[tuple[str, str]] = [OTHER_PERSON] if distance > FARTHEST else []
    if turn >= LEAST_TURN:
        return found
    return [*found, WRONG_WAY if turn <= -LEAST_TURN else TOO_LITTLE]
