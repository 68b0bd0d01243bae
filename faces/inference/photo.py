"""A photo and the faces found in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from faces.inference.boxes import Box
from faces.inference.detector import Detector, Face, Sighting, real_faces, turned
from tasks.errors import Code, InvalidInput
from tasks.inference.pictures import open_picture
from tasks.languages import sentence

LONGEST_SIDE = 1280  # pixels: encoding from 1600 is no better (findings/faces.md, section 3)


@dataclass(frozen=True)
class Photo:
    """`pixels` (height, width, 3), RGB, at most 1280 a side, turned so that faces stand upright.

    `width` and `height` are the original's, EXIF orientation applied, but not turned.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int
    sighting: Sighting

    @property
    def faces(self) -> list[Face]:
        """The faces that count, the main one first; boxes in pixels of `pixels`."""
        return real_faces(self.sighting.faces)

    def face_as_json(self, face: Face) -> dict[str, Any]:
        """A face's score and its box in pixels of the original picture, EXIF applied but not turned."""
        box = self._in_original(face.box)
        sides = {"x": box.left, "y": box.top, "width": box.width, "height": box.height}
        return {**{name: round(value) for name, value in sides.items()}, "score": round(face.score, 2)}

    def as_json(self) -> dict[str, Any]:
        """The picture's facts and all its faces, the main one first."""
        return {
            "picture": {"width": self.width, "height": self.height, "rotation": self.sighting.rotation},
            "faces": [self.face_as_json(face) for face in self.sighting.faces],
        }

    def _in_original(self, box: Box) -> Box:
        scale = max(self.width, self.height) / max(self.pixels.shape[:2])
        return box.scaled(scale).turned_back(self.sighting.rotation, self.width, self.height)


def read_photo(file: BinaryIO, detector: Detector) -> Photo:
    """Decode a picture and find its faces. Raises InvalidInput("invalid_image" | "too_many_pixels" | "truncated_image")."""
    picture = open_picture(file, LONGEST_SIDE)
    sighting = detector.find(picture.image)
    return Photo(np.asarray(turned(picture.image, sighting.rotation)), picture.width, picture.height, sighting)


def only_face(photo: Photo, name: str) -> Face:
    """The one face of a photo. Raises InvalidInput("no_face" | "several_faces") that names the photo."""
    if not photo.faces:
        raise InvalidInput(Code.NO_FACE, sentence("No face was found in the picture '%(name)s'.", name=name))
    if len(photo.faces) > 1:
        said = sentence("%(count)s faces were found in the picture '%(name)s'; it must show one.", count=len(photo.faces), name=name)
        raise InvalidInput(Code.SEVERAL_FACES, said)
    return photo.faces[0]
