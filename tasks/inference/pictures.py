"""Pictures as models want them: decoded in the worker, upright, RGB, and no larger than asked."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

import pillow_heif
from PIL import Image, ImageOps, UnidentifiedImageError

from tasks.errors import Code, InvalidInput

ENOUGH = 0.9
"""Of the longest side: where half of a JPEG is nearly as large as wanted, that spares decoding and resizing all of it."""
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")  # a phone's MPO is opened as JPEG

pillow_heif.register_heif_opener(thumbnails=False)


@dataclass(frozen=True)
class Picture:
    """`image` is upright, RGB and shrunk; `width` and `height` are the upright picture's as it was sent, in pixels."""

    image: Image.Image
    width: int
    height: int


def open_picture(file: IO[bytes], longest_side: int, *, max_pixels: int = 50_000_000) -> Picture:
    """The picture upright (EXIF orientation applied), RGB on white, shrunk so that no side exceeds `longest_side` pixels.

    JPEG is shrunk while it is decoded (libjpeg's draft mode), and may come out a tenth smaller than that. Raises
    InvalidInput("invalid_image" | "too_many_pixels" | "truncated_image").
    """
    opened = _open(file, max_pixels)
    sent = opened.size
    _load(opened, longest_side)
    image = _on_white(_upright(opened))
    image.thumbnail((longest_side, longest_side), Image.Resampling.BILINEAR)
    width, height = sent if (sent[0] > sent[1]) == (image.width > image.height) else sent[::-1]
    return Picture(image, width, height)


def _open(file: IO[bytes], max_pixels: int) -> Image.Image:
    try:
        picture = Image.open(file, formats=FORMATS)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise InvalidInput(Code.INVALID_IMAGE) from None
    if picture.width * picture.height > max_pixels:
        raise InvalidInput(Code.TOO_MANY_PIXELS)
    return picture


def _load(picture: Image.Image, longest_side: int) -> None:
    if picture.format in ("JPEG", "MPO"):
        shrink = ENOUGH * longest_side / max(picture.size)
        picture.draft(picture.mode, (math.ceil(picture.width * shrink), math.ceil(picture.height * shrink)))
    try:
        picture.load()
    except OSError:
        raise InvalidInput(Code.TRUNCATED_IMAGE) from None
    except (SyntaxError, ValueError, EOFError):
        raise InvalidInput(Code.INVALID_IMAGE) from None


def _upright(picture: Image.Image) -> Image.Image:
    """The same picture, turned in its place: a copy of one that stands upright costs milliseconds."""
    with suppress(SyntaxError, ValueError, KeyError, TypeError, OSError):  # broken EXIF occurs in the wild (findings/faces.md, section 4)
        ImageOps.exif_transpose(picture, in_place=True)
    return picture


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode in ("P", "RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture)
        picture = white
    return picture if picture.mode == "RGB" else picture.convert("RGB")
