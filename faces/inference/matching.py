"""How far two faces are apart and what that says; arithmetic alone.

FMR (false match rate): the share of comparisons of two different people that are taken for one. FPIR (false positive identification rate):
the share of searches for somebody who is not in a gallery that answer with a person all the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from numpy.typing import NDArray

Verdict = Literal["match", "unsure", "no_match"]
LARGE_FACE = 10_000.0  # pixels: no threshold moves for a face of this width


def euclidean(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The Euclidean distance of two encodings of 128 numbers: 0 for identical pictures, about 0.3 to 0.5 for one person, 0.8 for two."""
    return float(np.linalg.norm(a.astype(np.float64) - b.astype(np.float64)))


def mean_template(encodings: NDArray[np.float32]) -> NDArray[np.float32]:
    """The one encoding (128,) that stands for a person's photos (n, 128), n >= 1: nearer to the person's next photo than any of them, and a
    little nearer to everybody else's, wherefore thresholds fall with the number of photos."""
    mean: NDArray[np.float32] = encodings.astype(np.float64).mean(axis=0).astype(np.float32)
    return mean


@dataclass(frozen=True)
class Threshold:
    """Up to `value`: match; up to `unsure_to`: unsure. `fmr` and `fpir` are what `value` stands for by the calibration; `source` says where
    those are from. Neither is a probability that this very answer is wrong."""

    value: float
    unsure_to: float
    fmr: float
    fpir: float
    gallery_size: int
    source: str

    def as_json(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "unsure_to": self.unsure_to,
            "fmr": float(f"{self.fmr:.2g}"),
            "fpir": float(f"{self.fpir:.2g}"),
            "gallery_size": self.gallery_size,
            "measured_on": self.source,
        }


def verdict(distance: float, threshold: Threshold) -> Verdict:
    if distance <= threshold.value:
        return "match"
    return "unsure" if distance <= threshold.unsure_to else "no_match"


def fpir(fmr: float, gallery_size: int) -> float:
    """Of a search among so many people, if their comparisons are independent: 1 - (1 - FMR)^N."""
    return float(-np.expm1(gallery_size * np.log1p(-fmr)))


def fmr_for(fpir: float, gallery_size: int) -> float:
    """The FMR of one comparison that gives this FPIR among so many people."""
    return float(-np.expm1(np.log1p(-fpir) / gallery_size))


@dataclass(frozen=True)
class Curve:
    """Measured points of a relation; `x` rises."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    source: str

    def __call__(self, x: float) -> float:
        """Straight between the measured points, and level beyond them."""
        return float(np.interp(x, self.x, self.y))


@dataclass(frozen=True)
class Calibration:
    """What was measured with one encoder on some people. `distances` gives the distance of a logarithm (base 10) of an FMR; `photos` and
    `pixels` how far thresholds move for so many enrolled photos, and for faces so narrow."""

    name: str
    verify_fmr: float
    identify_fpir: float
    unsure_times: float
    distances: Curve
    photos: Curve
    pixels: Curve

    def distance_at(self, fmr: float) -> float:
        """The distance that lets this share of one-photo comparisons pass: measured, or the lowest two points' line continued downwards;
        the largest measured distance for any greater share."""
        (x0, x1), (y0, y1) = self.distances.x[:2], self.distances.y[:2]
        log = float(np.log10(fmr))
        if log < x0:
            return max(0.0, float(y0 + (log - x0) * (y1 - y0) / (x1 - x0)))
        return self.distances(log)

    def threshold(self, photos: int = 1, face_pixels: float = LARGE_FACE, gallery_size: int = 1) -> Threshold:
        """For a probe against means of `photos` photos in a gallery of so many people; `face_pixels` is the narrower face's width.

        One comparison is never judged more loosely than by `verify_fmr`, however small the gallery, nor than anything that was measured.
        """
        people = max(1, gallery_size)
        fmr = min(self.verify_fmr, fmr_for(self.identify_fpir, people), float(10 ** self.distances.x[-1]))
        shift = self.photos(photos) + self.pixels(face_pixels)
        value = max(0.0, self.distance_at(fmr) + shift)
        unsure_to = max(value, self.distance_at(fmr * self.unsure_times) + shift)
        source = "; ".join(dict.fromkeys([self.distances.source, *self._moved_by(photos, face_pixels)]))
        return Threshold(round(value, 4), round(unsure_to, 4), fmr, fpir(fmr, people), people, f"{self.name}: {source}")

    def _moved_by(self, photos: int, face_pixels: float) -> list[str]:
        moved = [(self.photos, photos), (self.pixels, face_pixels)]
        return [curve.source for curve, x in moved if curve(x)]


def calibration() -> Calibration:
    """That of the settings. Raises ImproperlyConfigured for a file that is none."""
    return read_calibration(Path(settings.FACE_CALIBRATION), settings.FACE_FMR, settings.FACE_FPIR)


@cache
def read_calibration(file: Path, verify_fmr: float, identify_fpir: float) -> Calibration:
    """A file as `faces/calibration.json`, and what thresholds shall stand for. Raises ImproperlyConfigured."""
    try:
        told = json.loads(file.read_text())
        single = told["single_photo"]
        return Calibration(
            name=str(told["name"]),
            verify_fmr=verify_fmr,
            identify_fpir=identify_fpir,
            unsure_times=float(told["unsure_times"]),
            distances=_curve([np.log10(_share(fmr)) for fmr in single["fmr"]], single["distance"], single["source"]),
            photos=_curve(told["enrolled_photos"]["photos"], told["enrolled_photos"]["shift"], told["enrolled_photos"]["source"]),
            pixels=_curve(told["face_pixels"]["width"], told["face_pixels"]["shift"], told["face_pixels"]["source"]),
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ImproperlyConfigured(f"FACE_CALIBRATION: {file} is no calibration ({error!r}).") from error


def _share(value: float) -> float:
    if not 0 < value < 1:
        raise ValueError(f"{value} is no share between 0 and 1")
    return float(value)


def _curve(x: list[float], y: list[float], source: str) -> Curve:
    curve = Curve(np.array(x, np.float64), np.array(y, np.float64), source)
    if len(curve.x) != len(curve.y) or len(curve.x) < 2 or not (np.diff(curve.x) > 0).all():
        raise ValueError("a curve needs two points or more, in rising order")
    return curve
