"""A selfie that somebody asked to be stored: small, upright, and without what a phone writes into its files."""

from __future__ import annotations

import io
import logging

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image

from tasks.inference.model import Run

logger = logging.getLogger(__name__)
NAME = "selfie.jpg"
SIDE, QUALITY = 640, 92
"""Recompressing costs more than shrinking: 640 pixels missed 1.6 % of pairs at 0.6, at quality 85 2.7 % (findings/faces.md, 8)."""
LEGACY_SIDE, LEGACY_QUALITIES, LEGACY_BYTES = 600, (85, 65, 45), 200_000
"""The old service's rule: the first quality whose file is below the limit, or else the last."""


def store(run: Run, pixels: NDArray[np.uint8], name: str = NAME) -> None:
    """Save the picture beside the result. Raises Canceled if nobody wants it any more."""
    picture = Image.fromarray(pixels)
    quality, content = legacy_file(picture) if settings.SELFIE_STORE == "legacy" else (QUALITY, jpeg(picture, SIDE, QUALITY))
    run.save(name, io.BytesIO(content))
    logger.info("[SelfieCompress] %sx%s -> %s bytes, quality %s", picture.width, picture.height, len(content), quality)


def legacy_file(picture: Image.Image) -> tuple[int, bytes]:
    for quality in LEGACY_QUALITIES:
        content = jpeg(picture, LEGACY_SIDE, quality)
        if len(content) < LEGACY_BYTES:
            break
    return quality, content


def jpeg(picture: Image.Image, side: int, quality: int) -> bytes:
    """Shrunk to `side` pixels, never enlarged."""
    small = picture.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=quality)
    return file.getvalue()
