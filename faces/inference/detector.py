"""Faces in a picture: dlib's HOG detector, cheap first, thorough only where nothing was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dlib
import numpy as np
from PIL import Image, ImageOps

from faces.inference.boxes import Box

# Thresholds: findings/faces.md, sections 3 and 4.
MIN_SCORE = 0.3  # no garment scored above 0.2 as a face, faces upside down 0.15 in the median; good posed ones from 1.27 (5th percentile)
MIN_TURNED_SCORE = 0.5  # a picture that was turned must earn it
MIN_AREA_SHARE = 0.25  # of the biggest face: smaller ones are people in the background
REDUCING_GAP = 1.0  # Pillow averages whole pixels first: 1280 to 480 in 7 to 8 ms instead of 11
TURNS: dict[int, Image.Transpose | None] = {
    0: None,
    90: Image.Transpose.ROTATE_270,  # Pillow counts against the clock
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Stage:
    """One size of the search: `side` in pixels; from `sure_score` on an upright face ends it, and no other turn is tried. `frame` is put
    around the picture, as a share of its longer side; then only faces count that fill at least `fills` of that side."""

    side: int
    upsampling: int
    sure_score: float
    frame: float = 0.0
    fills: float = 0.0


# 13 and 96 ms a run. Of 79 posed faces both miss none, of 244 wild ones 60 and 3. Upside down, 55 faces of data/faces/dev scored up to 0.61
# in the quick stage; they do not get to the thorough one, as another turn finds them before.
QUICK = Stage(side=480, upsampling=0, sure_score=1.0)
THOROUGH = Stage(side=640, upsampling=1, sure_score=MIN_SCORE)
# A face that fills its picture lacks the surroundings that HOG looks for: 5 of the 300 probes of data/faces/dev were missed without this.
# Small ones are not sought: at an edge of the picture they are halves of faces.
FRAMED = Stage(side=640, upsampling=0, sure_score=MIN_SCORE, frame=0.1, fills=0.5)
GRAY = (128, 128, 128)


@dataclass(frozen=True)
class Face:
    """One detection; `score` is HOG's margin, 0 at its own threshold, about 1 to 3 for a face that looks into the camera."""

    box: Box
    score: float


@dataclass(frozen=True)
class Sighting:
    """What a picture turned clockwise by `rotation` degrees shows: boxes in pixels of the turned picture, the main face first."""

    rotation: int
    faces: tuple[Face, ...] = ()

    @property
    def score(self) -> float:
        return max((face.score for face in self.faces), default=-1.0)


class Detector:
    """Holds dlib's detector (half a second to build). Not for two threads: dlib releases the GIL in it and corrupts memory."""

    def __init__(self, hog: Any = None) -> None:
        self.hog = hog or dlib.get_frontal_face_detector()

    def find(self, picture: Image.Image) -> Sighting:
        """All faces of an RGB picture in the turn that shows them best: each stage upright, then on its three other sides.

        Detections below `MIN_SCORE` are listed too, down to HOG's own threshold of 0.
        """
        best = Sighting(rotation=0)
        for stage in (QUICK, THOROUGH, FRAMED):
            for rotation in TURNS:
                seen = self.look(picture, rotation, stage)
                if rotation == 0 and seen.score >= stage.sure_score:
                    return seen
                if _better(seen, best):
                    best = seen
            if best.score >= MIN_SCORE:
                return best
        return best

    def look(self, picture: Image.Image, rotation: int, stage: Stage) -> Sighting:
        """One run of HOG on the picture turned, and shrunk or enlarged to the stage's size: faces of 26 pixels are found only enlarged."""
        scale = stage.side / max(picture.size)
        size = _scaled(picture.width, scale), _scaled(picture.height, scale)
        frame = round(stage.side * stage.frame)
        small = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=REDUCING_GAP)
        framed = ImageOps.expand(small, frame, GRAY) if frame else small
        rectangles, scores, _ = self.hog.run(np.asarray(turned(framed, rotation)), stage.upsampling, 0.0)
        boxes = [_box(rectangle).moved(-frame, -frame).scaled(1 / scale) for rectangle in rectangles]
        least = stage.fills * max(picture.size)
        faces = [Face(box, float(score)) for box, score in zip(boxes, scores, strict=True) if box.width >= least]
        return Sighting(rotation, tuple(sorted(faces, key=_rank, reverse=True)))


def turned(picture: Image.Image, rotation: int) -> Image.Image:
    """The picture turned clockwise by 0, 90, 180 or 270 degrees."""
    turn = TURNS[rotation]
    return picture if turn is None else picture.transpose(turn)


def real_faces(faces: Sequence[Face]) -> list[Face]:
    """The faces that count as people in front of the camera, biggest first: sure enough, and not far smaller than the biggest."""
    sure = [face for face in faces if face.score >= MIN_SCORE]
    biggest = max((face.box.area for face in sure), default=0.0)
    return [face for face in sure if face.box.area >= MIN_AREA_SHARE * biggest]


def _better(seen: Sighting, best: Sighting) -> bool:
    return seen.score > best.score and (seen.rotation == 0 or seen.score >= MIN_TURNED_SCORE)


def _rank(face: Face) -> tuple[bool, float]:
    sure = face.score >= MIN_SCORE
    return sure, face.box.area if sure else face.score


def _scaled(pixels: int, scale: float) -> int:
    return max(1, round(pixels * scale))


def _box(rectangle: dlib.rectangle) -> Box:
    return Box(rectangle.left(), rectangle.top(), rectangle.width(), rectangle.height())
