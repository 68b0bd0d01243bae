"""The garment model: points, measurements, scale and the picture of them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import cv2
import numpy as np
import torch

from keypoints.geometry import Measurement, Point, Position, measure, middle, pixels_per_centimetre
from keypoints.inference.network import GarmentNetwork, load_network
from keypoints.inference.overlay import draw_overlay
from keypoints.inference.points import Picture, find_points
from keypoints.inference.scale import Reference, find_scale, judged
from keypoints.kind import LONGEST_SIDE, MODEL_VERSION
from keypoints.landmarks import CATEGORIES, category_of
from keypoints.references import asked
from tasks.errors import Code, InvalidInput, warning
from tasks.inference.model import InferenceModel, Run
from tasks.inference.pictures import open_picture
from tasks.languages import sentence

WEIGHTS = Path(__file__).with_name("weights.safetensors")

Warnings = list[dict[str, Any]]


class GarmentModel(InferenceModel):
    """Key points of one garment that lies flat or hangs, in a photo that shows little else."""

    version: ClassVar[str] = MODEL_VERSION
    network: GarmentNetwork

    def load(self) -> None:
        """Raises RuntimeError if the weights are of another version than the code."""
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self.network, version = load_network(WEIGHTS)
        if version != self.version:
            raise RuntimeError(f"{WEIGHTS.name} is {version}, the code expects {self.version}")
        find_points(self.network, np.zeros((256, 192, 3), np.uint8), CATEGORIES[0])

    def sample(self) -> None:
        """A light rectangle on a dark ground, from the bytes of a picture to its overlay."""
        pixels = np.full((256, 192, 3), 60, np.uint8)
        pixels[40:216, 40:152] = 200
        _, png = cv2.imencode(".png", pixels)
        self.predict(Run(), io.BytesIO(png.tobytes()), CATEGORIES[0].name)

    def predict(self, run: Run, image: BinaryIO, clothing: str, require_scale: bool = False, **reference: Any) -> dict[str, Any]:
        """Points and measurements of the garment, in pixels of the upright picture as it was sent; centimetres only by a reference:
        `reference` says which (`keypoints.references.Asked`).

        Saves `overlay.jpg`. Raises InvalidInput("invalid_image" | "too_many_pixels" | "truncated_image" | "references_disagree" |
        "no_scale").
        """
        picture = open_picture(image, LONGEST_SIDE)
        width, height = picture.width, picture.height
        pixels: Picture = np.asarray(picture.image)
        enlargement = width / picture.image.width
        run.progress(0.2, "points")
        category = category_of(clothing)
        points = find_points(self.network, pixels, category)
        run.progress(0.5, "scale")
        found, warnings = judged(find_scale(pixels, asked(reference).shrunk(enlargement)), positions(points))
        if found is None and require_scale:
            raise InvalidInput(Code.NO_SCALE, warnings[0]["detail"])
        measurements = measure(points, found.scale if found else None)
        run.progress(0.8, "overlay")
        run.save("overlay.jpg", draw_overlay(pixels, points, measurements, found))
        return {
            "clothing": clothing,
            "category": category.name,
            "picture": {"width": width, "height": height},
            "points": [point_result(point, enlargement) for point in points],
            "measurements": [measurement_result(measurement, enlargement) for measurement in measurements],
            "scale": scale_result(found, points, enlargement) if found else None,
            "model_version": self.version,
            "warnings": warnings + unsure(points),
        }


def positions(points: list[Point]) -> list[Position]:
    """Of the points that there are."""
    return [point.position for point in points if point.visibility != "absent"]


def unsure(points: list[Point]) -> Warnings:
    names = [point.name for point in points if point.estimated]
    said = sentence("Not clearly seen, check them: %(points)s.", points=", ".join(names))
    return [warning("estimated_points", said)] if names else []


def point_result(point: Point, enlargement: float) -> dict[str, Any]:
    return {
        "name": point.name,
        "x": round(point.x * enlargement, 1),
        "y": round(point.y * enlargement, 1),
        "confidence": round(point.confidence, 3),
        "estimated": point.estimated,
    }


def measurement_result(measurement: Measurement, enlargement: float) -> dict[str, Any]:
    definition = measurement.definition
    return {
        "name": definition.name,
        "value_cm": rounded(measurement.centimetres),
        "plus_minus_cm": rounded(measurement.plus_minus),
        "value_px": rounded(measurement.pixels, enlargement),
        "quality": measurement.quality,
        "definition": definition.taken,
        "from": list(definition.points),
        "approximate": definition.approximate,
        "derived": definition.derived,
    }


def rounded(value: float | None, times: float = 1.0) -> float | None:
    return None if value is None else round(value * times, 1)


def scale_result(found: Reference, points: list[Point], enlargement: float) -> dict[str, Any]:
    """`px_per_cm` holds at the middle of the garment: elsewhere perspective makes it a little other."""
    scale = pixels_per_centimetre(found.scale.homography, centre(points))
    return {
        "reference": found.name,
        "px_per_cm": round(scale * enlargement, 3),
        "perspective": "measured" if found.scale.measured else "assumed",
        "tilt_degrees": rounded(found.plane.tilt_degrees),
        "outline": [[round(x * enlargement, 1), round(y * enlargement, 1)] for x, y in found.outline],
        "markers": list(found.markers),
    }


def centre(points: list[Point]) -> Position:
    there = {point.name: point.position for point in points if point.visibility != "absent"}
    return middle(tuple(there), there)
