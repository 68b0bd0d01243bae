"""Decoding pictures in the worker."""

from __future__ import annotations

import io

import pillow_heif
import pytest
from PIL import Image

from tasks.errors import InvalidInput
from tasks.inference.pictures import open_picture
from tests.pictures import picture

ORIENTATION = 0x0112
LEFT, RIGHT = (250, 0, 0), (0, 0, 250)


def two_halves(format: str, orientation: int = 1, size: tuple[int, int] = (80, 40)) -> io.BytesIO:
    """Red on the left, blue on the right, as stored; a viewer turns it by its EXIF orientation."""
    image = Image.new("RGB", size, RIGHT)
    image.paste(LEFT, (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    target = io.BytesIO()
    image.save(target, format, exif=exif)
    return target


def test_exif_orientation_is_applied() -> None:
    opened = open_picture(two_halves("JPEG", orientation=6), 1000)  # turned clockwise by 90 degrees
    assert opened.image.size == (opened.width, opened.height) == (40, 80)
    assert opened.image.getpixel((20, 5)) == pytest.approx(LEFT, abs=12)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_each_format_is_decoded_to_rgb(format: str) -> None:
    opened = open_picture(io.BytesIO(picture(format)), 1000)
    assert (opened.image.mode, opened.image.size) == ("RGB", (64, 48))


def test_a_phones_heic_is_decoded() -> None:
    target = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (128, 96), LEFT)).save(target)
    opened = open_picture(target, 1000)
    assert opened.image.size == (128, 96)
    assert opened.image.getpixel((64, 48)) == pytest.approx(LEFT, abs=12)


def test_a_large_picture_is_shrunk_and_its_size_as_sent_is_kept() -> None:
    opened = open_picture(io.BytesIO(picture(size=(3000, 2000))), 300)
    assert opened.image.size == (300, 200)
    assert (opened.width, opened.height) == (3000, 2000)


@pytest.mark.parametrize(
    ("sent", "seen"), [((4032, 3024), (2016, 1512)), ((3024, 4032), (1512, 2016)), ((4624, 3468), (2048, 1536)), ((2500, 100), (2048, 82))]
)
def test_half_of_a_phones_jpeg_is_taken_as_it_is_decoded(sent: tuple[int, int], seen: tuple[int, int]) -> None:
    assert open_picture(io.BytesIO(picture(size=sent)), 2048).image.size == seen


def test_a_transparent_picture_lies_on_white() -> None:
    target = io.BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(target, "PNG")
    assert open_picture(target, 100).image.getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_half_a_picture_is_refused(format: str) -> None:
    whole = picture(format, size=(400, 300))
    with pytest.raises(InvalidInput, match="truncated_image|invalid_image"):
        open_picture(io.BytesIO(whole[: len(whole) // 2]), 1000)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_does_not_matter() -> None:
    target = io.BytesIO()
    Image.new("RGB", (10, 10)).save(target, "JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\xff\xff")
    assert open_picture(target, 100).image.size == (10, 10)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(InvalidInput, match="invalid_image"):
        open_picture(io.BytesIO(b"%PDF-1.7 is not a picture"), 100)
