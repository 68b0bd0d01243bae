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

from faces.inference import challenge, people, quality, storing
from faces.inference.archive import Packed
from faces.inference.boxes import Box
from faces.inference.checks import LUMINANCE, judge, next_step, reasons
from faces.inference.detector import QUICK, Face
from faces.inference.encoder import CHIP_SIDE, built_in_chip
from faces.inference.engines import load_engine
from faces.inference.gallery import Crowd, Known
from faces.inference.landmarks import Shape
from faces.inference.matching import calibration, euclidean, verdict
from faces.inference.photo import LONGEST_SIDE, Photo, only_face, read_photo
from faces.kind import KIND
from tasks.inference.model import InferenceModel, Run
from tasks.inference.pictures import open_picture

ENCODER_PADDING = 0.25  # the chip that dlib's encoder was trained on


class FaceModel(InferenceModel):
    """Not for two threads at once: see `Detector`."""

    version = KIND.model_version

    def __init__(self, landmarks: int | None = None) -> None:
        """With so many points per face; those of `FACE_LANDMARKS` unless told."""
        self.asked_landmarks = landmarks

    def load(self) -> None:
        engine = load_engine(settings.FACE_ENGINE, self.asked_landmarks or settings.FACE_LANDMARKS, settings.FACE_ENCODER)
        self.detector, self.landmarks, self.encoder = engine.detector, engine.landmarks, engine.encoder
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
        judged = self.judged(photo)
        if store and not judged["reasons"]:
            storing.store(run, photo.pixels)
        return {
            "verdict": "not_usable" if judged["reasons"] else "usable",
            "valid": not judged["reasons"],
            **judged,
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

    def judged(self, photo: Photo) -> dict[str, Any]:
        """What `validate` says of a photo, which is the gate of an enrolment."""
        checks = judge(len(photo.faces), self.measure(photo))
        return {"reasons": reasons(checks), "next_step": next_step(checks), "checks": [check.as_json() for check in checks]}

    def challenge(self, run: Run, before: BinaryIO, after: BinaryIO, direction: challenge.Direction) -> dict[str, Any]:
        """Did the head turn between two pictures, as asked? `direction` is that of the pictures, as they are seen.

        Raises InvalidInput("no_face" | "several_faces"), whose detail names the picture, and for a file that is no picture.
        """
        photos = {"before": self.upright(before), "after": self.upright(after)}
        shapes = [self.landmarks.find(photo.pixels, turned_face(photo, name).box) for name, photo in photos.items()]
        yaw_before, yaw_after = (quality.yaw(shape.points) for shape in shapes)
        chips = np.stack([shape.chip(CHIP_SIDE, ENCODER_PADDING) for shape in shapes])
        distance = euclidean(*self.encoder.encode(chips))
        wanting = challenge.wanting(direction, yaw_before, yaw_after, distance)
        return {
            "verdict": "not_passed" if wanting else "passed",
            "reasons": [reason for reason, _ in wanting],
            "next_step": wanting[0][1] if wanting else None,
            "direction": direction,
            "yaw_before": round(yaw_before, 1),
            "yaw_after": round(yaw_after, 1),
            "least_turn": challenge.LEAST_TURN,
            "distance": round(distance, 4),
            "farthest": challenge.FARTHEST,
            "stops": list(challenge.STOPS),
            "does_not_stop": list(challenge.DOES_NOT_STOP),
            **{name: photo.as_json() for name, photo in photos.items()},
            **self.facts(),
        }

    def upright(self, file: BinaryIO) -> Photo:
        """A picture in which faces are sought as it stands: what has to be turned first was held askew. Raises InvalidInput."""
        picture = open_picture(file, LONGEST_SIDE)
        sighting = self.detector.look(picture.image, 0, challenge.STAGE)
        if not sighting.faces:
            sighting = self.detector.look(picture.image, 0, QUICK)  # it finds heads turned by 38 degrees that the other misses
        return Photo(np.asarray(picture.image), picture.width, picture.height, sighting)

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
        return {"landmarks": self.landmarks.count, "model_version": self.version}


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


def turned_face(photo: Photo, name: str) -> Face:
    """The one face of a challenge's picture. A head turned far scores little, so the best weak one will do where none is sure: that it is a
    face, and the person's, the distance to the other picture tells. Raises InvalidInput as `only_face`."""
    if not photo.faces and photo.sighting.faces:
        return photo.sighting.faces[0]
    return only_face(photo, name)
