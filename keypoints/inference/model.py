"""The garment model: points, measurements, scale and the picture of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import cv2
import numpy as np
import torch
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from keypoints.doubts import Seen, doubted, doubts
from keypoints.geometry import Point, Position, measure
from keypoints.inference.crops import LONGEST_SIDE, POINTS_SIDE, Picture
from keypoints.inference.finders import Finder, PlacedFinder, WeightsError, load_finder
from keypoints.inference.overlay import draw_overlay
from keypoints.inference.reading import Garment, Sight
from keypoints.inference.scale import Reference, find_scale, judged
from keypoints.kind import KIND, MODEL_VERSION
from keypoints.landmarks import CATEGORIES, NO_GARMENT, Category, categories_of
from keypoints.references import NONE, Asked, asked
from keypoints.results import measurement_result, point_result, rounded, scale_result, seen_result
from tasks.errors import Code, InvalidInput, warning
from tasks.inference.devices import Placement
from tasks.inference.model import InferenceModel, Run
from tasks.inference.pictures import open_picture
from tasks.languages import sentence

WEIGHTS = Path(__file__).with_name("weights.safetensors")

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
        self.placement = Placement(lambda device: load_finder(weights_in_use(), device))
        self.remark, self.device_bytes = self.placement.choice.remark, self.placement.choice.resident_bytes
        try:
            self.finder = PlacedFinder(self.placement)
        except WeightsError as error:
            raise ImproperlyConfigured(f"KEYPOINTS_WEIGHTS: {error}") from None
        if not settings.KEYPOINTS_WEIGHTS and self.finder.version != MODEL_VERSION:
            raise RuntimeError(f"{WEIGHTS.name} is {self.finder.version}, the code expects {MODEL_VERSION}")
        self.finder.find(np.zeros((256, 192, 3), np.uint8), CATEGORIES[:1])

    def sample(self) -> None:
        """A light rectangle on a dark ground goes through all that a photo does; what the network takes it for is no matter."""
        drawn = np.full((256, 192, 3), 60, np.uint8)
        drawn[40:216, 40:152] = 200
        _, png = cv2.imencode(".png", drawn)
        pixels: Picture = np.asarray(open_picture(io.BytesIO(png.tobytes()), LONGEST_SIDE).image)
        garment = self.finder.find(pixels, CATEGORIES[:1])
        find_scale(pixels, Asked())
        draw_overlay(pixels, garment.points, measure(garment.points, None), None)

    def predict(self, run: Run, image: BinaryIO, clothing: str = "", require_scale: bool = False, **reference: Any) -> dict[str, Any]:
        """Points and measurements of the garment, in pixels of the upright picture as it was sent; centimetres only by a reference:
        `reference` says which (`keypoints.references.Asked`).

        Saves `overlay.jpg`. Raises InvalidInput("invalid_image" | "too_many_pixels" | "truncated_image" | "no_garment" |
        "clothing_needed" | "references_disagree" | "no_scale").
        """
        sought = asked(reference)
        picture = open_picture(image, POINTS_SIDE if sought.reference == NONE else LONGEST_SIDE)
        width, height = picture.width, picture.height
        pixels: Picture = np.asarray(picture.image)
        enlargement = width / picture.image.width
        run.progress(0.2, "points")
        garment = self.garment(pixels, clothing)
        seen = seen_as(garment.sight, categories_of(clothing)) if garment.sight else None
        run.progress(0.5, "scale")
        found, warnings = scale(pixels, sought.shrunk(enlargement), garment.points)
        if found is None and require_scale:
            raise InvalidInput(Code.NO_SCALE, warnings[0]["detail"])
        measurements = doubted(measure(garment.points, found.scale if found else None), seen)
        run.progress(0.8, "overlay")
        run.save("overlay.jpg", draw_overlay(pixels, garment.points, measurements, found))
        return {
            "clothing": clothing or None,
            "category": garment.category.name,
            "seen": seen_result(seen) if seen else None,
            "picture": {"width": width, "height": height},
            "points": [point_result(point, enlargement) for point in garment.points],
            "measurements": [measurement_result(measurement, enlargement) for measurement in measurements],
            "scale": reference_result(found, garment.points, enlargement) if found else None,
            "model_version": self.version,
            "warnings": [doubt.warning for doubt in doubts(seen)]
            + warnings
            + unsure(garment.points)
            + ([] if self.finder.calibrated else [UNCALIBRATED])
            + self.placement.warnings,
        }

    def garment(self, pixels: Picture, clothing: str) -> Garment:
        """Raises InvalidInput("no_garment" | "clothing_needed")."""
        if not clothing and not self.finder.tells:
            raise InvalidInput(Code.CLOTHING_NEEDED, "The weights of this installation cannot tell what a picture shows.")
        garment = self.finder.find(pixels, categories_of(clothing))
        if not clothing and garment.sight and garment.sight.likeliest == NO_GARMENT:
            raise InvalidInput(Code.NO_GARMENT, "If there is one, say in `clothing` what it is.")
        if not positions(garment.points):
            raise InvalidInput(Code.NO_GARMENT, sentence("None of the points of %(category)s can be seen.", category=garment.category.name))
        return garment


def scale(pixels: Picture, sought: Asked, points: list[Point]) -> tuple[Reference | None, Warnings]:
    """With what has to be said of it. Raises InvalidInput("references_disagree")."""
    return (None, []) if sought.reference == NONE else judged(find_scale(pixels, sought), positions(points))


def seen_as(sight: Sight, among: Sequence[Category]) -> Seen:
    """Beside what was asked for."""
    return Seen(sight.likeliest, sight.kinds[sight.likeliest], sight.belief(among), sight.worn)


def weights_in_use() -> Path:
    return Path(settings.KEYPOINTS_WEIGHTS) if settings.KEYPOINTS_WEIGHTS else WEIGHTS


def positions(points: list[Point]) -> list[Position]:
    """Of the points that there are."""
    return [point.position for point in points if point.present]


def unsure(points: list[Point]) -> Warnings:
    names = [point.name for point in points if point.present and point.estimated]
    said = sentence("Not clearly seen, check them: %(points)s.", points=", ".join(names))
    return [warning("estimated_points", said)] if names else []


def reference_result(found: Reference, points: list[Point], enlargement: float) -> dict[str, Any]:
    return {
        "reference": found.name,
        **scale_result(found.scale, points, enlargement),
        "tilt_degrees": rounded(found.plane.tilt_degrees),
        "outline": [[round(x * enlargement, 1), round(y * enlargement, 1)] for x, y in found.outline],
        "markers": list(found.markers),
    }
