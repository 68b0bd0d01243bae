"""The face model: is this a usable selfie, and do two photos show one person."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, BinaryIO
from uuid import UUID

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image

from faces.inference import people, quality, storing
from faces.inference.archive import Packed
from faces.inference.boxes import Box
from faces.inference.checks import LUMINANCE, judge, next_step, reasons
from faces.inference.detector import QUICK, Detector, Face
from faces.inference.encoder import CHIP_SIDE, built_in_chip, load_encoder
from faces.inference.gallery import Crowd, Known
from faces.inference.landmarks import Landmarks, Shape
from faces.inference.matching import calibration, euclidean, verdict
from faces.inference.photo import Photo, only_face, read_photo
from faces.kind import KIND
from tasks.inference.model import InferenceModel, Run

ENCODER_PADDING = 0.25  # the chip that dlib's encoder was trained on


class FaceModel(InferenceModel):
    """Not for two threads at once: see `Detector`."""

    version = KIND.model_version

    def load(self) -> None:
        self.detector = Detector()
        self.landmarks = Landmarks(settings.FACE_LANDMARKS)
        self.encoder = load_encoder(settings.FACE_ENCODER)
        calibration()
        self.detector.look(Image.new("RGB", (64, 64)), 0, QUICK)
        self.encoder.encode(built_in_chip()[None])

    def sample(self) -> None:
        """Detector, landmarks and encoder, on a picture without a face: landmarks are found in any box."""
        chip = built_in_chip()
        file = io.BytesIO()
        Image.fromarray(chip).save(file, "PNG")
        self.validate(Run(), file)
        shape = self.landmarks.find(chip, Box(0, 0, CHIP_SIDE, CHIP_SIDE))
        measure_shape(shape)
        self.encoder.encode(shape.chip(CHIP_SIDE, ENCODER_PADDING)[None])

    def validate(self, run: Run, selfie: BinaryIO, store: bool = False) -> dict[str, Any]:
        """Judge one selfie, and keep it if that is asked and it is usable; a picture without a face, or with several, is an answer and no
        error.

        Raises InvalidInput for a file that is no picture.
        """
        photo = read_photo(selfie, self.detector)
        checks = judge(len(photo.faces), self.measure(photo))
        wanting = reasons(checks)
        if store and not wanting:
            storing.store(run, photo.pixels)
        return {
            "verdict": "not_usable" if wanting else "usable",
            "valid": not wanting,
            "reasons": wanting,
            "next_step": next_step(checks),
            "checks": [check.as_json() for check in checks],
            **photo.as_json(),
            **self.facts(),
        }

    def verify(
        self,
        run: Run,
        selfie: BinaryIO,
        reference: BinaryIO | None = None,
        person: Known | None = None,
        binding: UUID | None = None,
    ) -> dict[str, Any]:
        """Compare two photos with one face each, or one with an enrolled person; distance (Euclidean, 128-d) is 0 for identical faces.

        Raises InvalidInput("no_face" | "several_faces"), whose detail names the photo, and for a file that is no picture.
        """
        if reference is None:
            assert person and binding  # noqa: S101 (the request names one of the two)
            return people.verify(self, run, selfie, person, binding)
        photos = {"selfie": read_photo(selfie, self.detector), "reference": read_photo(reference, self.detector)}
        faces = {name: only_face(photo, name) for name, photo in photos.items()}
        chips = np.stack([self.chip(photo, faces[name]) for name, photo in photos.items()])
        distance = euclidean(*self.encoder.encode(chips))
        threshold = calibration().threshold(face_pixels=min(face.box.width for face in faces.values()))
        return {
            "verdict": verdict(distance, threshold),
            "distance": round(distance, 4),
            "threshold": threshold.as_json(),
            **{name: photo.as_json() for name, photo in photos.items()},
            "person": None,
            **self.facts(),
        }

    def enrol(
        self, run: Run, subject: people.Subject, gallery: str, marks: Mapping[str, str], store: bool = False, **photos: BinaryIO
    ) -> dict[str, Any]:
        return people.enrol(self, run, subject, gallery, marks, photos, store=store)

    def bulk_enrol(self, run: Run, groups: list[tuple[people.Subject, list[Packed]]], gallery: str, archive: BinaryIO) -> dict[str, Any]:
        return people.bulk_enrol(self, run, groups, gallery, archive)

    def identify(self, run: Run, photo: BinaryIO, crowd: Crowd, gallery: str, purpose: str, binding: UUID) -> dict[str, Any]:
        return people.identify(self, run, photo, crowd, gallery, purpose, binding)

    def judged(self, photo: Photo) -> tuple[list[str], list[dict[str, Any]]]:
        """The gate of an enrolment, which is that of `validate`: reasons against the photo, and all checks."""
        checks = judge(len(photo.faces), self.measure(photo))
        return [str(check.reason) for check in checks if check.passed is False], [check.as_json() for check in checks]

    def measure(self, photo: Photo) -> dict[str, float]:
        """The measures of the main face by their check's name; where no face counts, of what comes nearest: light may be the cause."""
        if not photo.sighting.faces:
            return {}
        face = photo.sighting.faces[0]
        height, width, _ = photo.pixels.shape
        return {
            "detection_score": face.score,
            "FaceOcclusionPrevention": face.score,
            "face_size": face.box.width,
            "face_inside": face.box.share_inside(width, height),
            **measure_shape(self.landmarks.find(photo.pixels, face.box)),
        }

    def chip(self, photo: Photo, face: Face) -> NDArray[np.uint8]:
        """The face as the encoder wants it: (150, 150, 3), aligned."""
        return self.landmarks.find(photo.pixels, face.box).chip(CHIP_SIDE, ENCODER_PADDING)

    def facts(self) -> dict[str, Any]:
        """What made the answer."""
        return {"landmarks": settings.FACE_LANDMARKS, "model_version": self.version}


def measure_shape(shape: Shape) -> dict[str, float]:
    """Place, light, sharpness and pose of a face, by their checks' names. What its points cannot tell is left out, and sharpness in the
    dark: it falls with the light."""
    gray = quality.middle_gray(shape.chip(quality.CHIP_SIDE, quality.CHIP_PADDING))
    height, width, _ = shape.pixels.shape
    measures = {
        **quality.places(shape.points, width, height),
        "LuminanceMean": quality.brightness(gray),
        "UnderExposurePrevention": quality.under_exposure(gray),
        "OverExposurePrevention": quality.over_exposure(gray),
        "HeadPoseRoll": quality.roll(shape.points),
        "HeadPoseYaw": quality.yaw(shape.points),
        "HeadPosePitch": quality.pitch(shape.points),
        "EyesOpen": quality.eyes_open(shape.points),
        "MouthClosed": quality.mouth_open(shape.points),
        "EyesVisible": quality.eyes_over_cheeks(shape.pixels, shape.points),
    }
    if LUMINANCE.passes(quality.brightness(gray)):
        measures["Sharpness"] = quality.sharpness(gray)
    return {name: value for name, value in measures.items() if value is not None}
