"""The garment model: points, measurements, scale and the picture of them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import cv2
import numpy as np
import torch
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from keypoints.geometry import Point, depth_ratio, measure
from keypoints.inference.finders import Finder, WeightsError, load_finder
from keypoints.inference.overlay import draw_overlay
from keypoints.inference.points import Picture
from keypoints.inference.scale import FoundSheet, find_sheet
from keypoints.kind import KIND, LONGEST_SIDE, MODEL_VERSION
from keypoints.landmarks import CATEGORIES, category_of
from keypoints.results import measurement_result, point_result, scale_result
from tasks.errors import warning
from tasks.inference.model import InferenceModel, Run
from tasks.inference.pictures import open_picture
from tasks.languages import sentence

WEIGHTS = Path(__file__).with_name("weights.safetensors")
STEEPEST = 2.0
"""A garment whose far end is this many times farther than its near end was photographed too slantwise for the homography to hold."""

Warnings = list[dict[str, Any]]
UNCALIBRATED = warning("uncalibrated", "The points come from weights of this installation's own: how far off they may be was not measured.")


class GarmentModel(InferenceModel):
    """Key points of one garment that lies flat or hangs, in a photo that shows little else."""

    version: ClassVar[str] = KIND.model_version
    finder: Finder

    def load(self) -> None:
        """Raises RuntimeError if our own weights are of another version than the code, ImproperlyConfigured for others that are none."""
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        try:
            self.finder = load_finder(weights_in_use())
        except WeightsError as error:
            raise ImproperlyConfigured(f"KEYPOINTS_WEIGHTS: {error}") from None
        if not settings.KEYPOINTS_WEIGHTS and self.finder.version != MODEL_VERSION:
            raise RuntimeError(f"{WEIGHTS.name} is {self.finder.version}, the code expects {MODEL_VERSION}")
        self.finder.find(np.zeros((256, 192, 3), np.uint8), CATEGORIES[0])

    def sample(self) -> None:
        """A light rectangle on a dark ground, from the bytes of a picture to its overlay."""
        pixels = np.full((256, 192, 3), 60, np.uint8)
        pixels[40:216, 40:152] = 200
        _, png = cv2.imencode(".png", pixels)
        self.predict(Run(), io.BytesIO(png.tobytes()), CATEGORIES[0].name)

    def predict(self, run: Run, image: BinaryIO, clothing: str) -> dict[str, Any]:
        """Points and measurements of the garment, in pixels of the upright picture as it was sent; centimetres only by the scale sheet.

        Saves `overlay.jpg`. Raises InvalidInput("invalid_image" | "too_many_pixels" | "truncated_image").
        """
        picture = open_picture(image, LONGEST_SIDE)
        width, height = picture.width, picture.height
        pixels: Picture = np.asarray(picture.image)
        run.progress(0.2, "points")
        category = category_of(clothing)
        points = self.finder.find(pixels, category)
        run.progress(0.5, "scale")
        found, warnings = usable_sheet(pixels, points)
        measurements = measure(points, found.scale if found else None)
        run.progress(0.8, "overlay")
        run.save("overlay.jpg", draw_overlay(pixels, points, measurements, found))
        enlargement = width / picture.image.width
        return {
            "clothing": clothing,
            "category": category.name,
            "picture": {"width": width, "height": height},
            "points": [point_result(point, enlargement) for point in points],
            "measurements": [measurement_result(measurement, enlargement) for measurement in measurements],
            "scale": reference_result(found, points, enlargement),
            "model_version": self.version,
            "warnings": warnings + unsure(points) + ([] if self.finder.calibrated else [UNCALIBRATED]),
        }


def weights_in_use() -> Path:
    return Path(settings.KEYPOINTS_WEIGHTS) if settings.KEYPOINTS_WEIGHTS else WEIGHTS


def usable_sheet(picture: Picture, points: list[Point]) -> tuple[FoundSheet | None, Warnings]:
    """The scale sheet, and why there is none that can be used."""
    found = find_sheet(picture)
    if found is None:
        return None, [warning("no_scale", "The scale sheet was not found: lengths are in pixels only.")]
    if depth_ratio(found.scale.homography, [point.position for point in points]) > STEEPEST:
        return None, [warning("too_slanted", "The photo was taken too slantwise: lengths are in pixels only. Hold the camera above.")]
    return found, []


def unsure(points: list[Point]) -> Warnings:
    names = [point.name for point in points if point.estimated]
    said = sentence("Not clearly seen, check them: %(points)s.", points=", ".join(names))
    return [warning("estimated_points", said)] if names else []


def reference_result(found: FoundSheet | None, points: list[Point], enlargement: float) -> dict[str, Any]:
    scale = scale_result(found.scale if found else None, points, enlargement)
    return {"reference": "aruco_sheet" if found else None, **scale, "markers": list(found.markers) if found else []}
