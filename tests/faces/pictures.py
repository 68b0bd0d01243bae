"""Made pictures: all from scikit-image's astronaut, a portrait with one face of about 110 pixels."""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

FACE = (170, 60, 290, 200)  # left, top, right, bottom of the astronaut's face


def astronaut() -> Image.Image:
    spec = find_spec("skimage")
    assert spec is not None and spec.submodule_search_locations
    with Image.open(Path(spec.submodule_search_locations[0]) / "data" / "astronaut.png") as picture:
        return picture.convert("RGB")


def two_astronauts() -> Image.Image:
    picture = Image.new("RGB", (1024, 512))
    picture.paste(astronaut(), (0, 0))
    picture.paste(astronaut(), (512, 0))
    return picture


def file_of(picture: Image.Image, **options: Any) -> io.BytesIO:
    """The picture as a JPEG file."""
    file = io.BytesIO()
    picture.save(file, "JPEG", **{"quality": 95, **options})
    file.seek(0)
    return file


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags
