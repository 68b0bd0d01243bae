"""The old selfie service's way with a picture: made smaller as a new JPEG, searched enlarged twofold, encoded by dlib (findings/faces.md,
section 5, "old way"). What its rules were, and when they ran, changes nothing measurable: they are left out."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

import dlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from faces.inference.weights import encoder_file, landmarks_file
from tasks.errors import Code, InvalidInput
from tasks.inference.model import InferenceModel, Run

SIDE, QUALITY = 800, 85
Pixels = NDArray[np.uint8]


class OldFaceModel(InferenceModel):
    version = "old"

    def load(self) -> None:
        self.detector = dlib.get_frontal_face_detector()
        self.predictor = dlib.shape_predictor(str(landmarks_file(5)))
        self.encoder = dlib.face_recognition_model_v1(str(encoder_file()))

    def validate(self, run: Run, selfie: BinaryIO) -> dict[str, Any]:
        """Is there one face; no encoding, as ours has none either."""
        found = self.detector(recompressed(selfie), 1)
        return {"valid": len(found) == 1, "faces": [{"x": box.left(), "y": box.top()} for box in found]}

    def verify(self, run: Run, selfie: BinaryIO, reference: BinaryIO) -> dict[str, Any]:
        one, other = (self.encoded(recompressed(file)) for file in (selfie, reference))
        distance = float(np.linalg.norm(one - other))
        return {"verdict": "match" if distance <= 0.6 else "no_match", "distance": distance}

    def encoded(self, pixels: Pixels) -> NDArray[np.float64]:
        boxes = self.detector(pixels, 1)
        if len(boxes) != 1:
            raise InvalidInput(Code.SEVERAL_FACES if len(boxes) else Code.NO_FACE)
        return np.array(self.encoder.compute_face_descriptor(pixels, self.predictor(pixels, boxes[0])))


def recompressed(file: BinaryIO) -> Pixels:
    try:
        picture = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
    except (OSError, SyntaxError, ValueError):
        raise InvalidInput(Code.INVALID_IMAGE) from None
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    smaller = io.BytesIO()
    picture.save(smaller, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(smaller))
