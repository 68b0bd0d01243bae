from __future__ import annotations

import io
from collections.abc import Callable

import pillow_heif
import pytest
from PIL import Image

from tasks.errors import InvalidInput
from tasks.uploads import Upload, picture, recording
from tests import pictures


def recognised(content: bytes, by: Callable[..., Upload] = picture) -> Upload:
    return by(io.BytesIO(content), len(content))


def heic(size: tuple[int, int]) -> bytes:
    target = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", size, (9, 90, 60))).save(target, quality=30)
    return target.getvalue()


@pytest.mark.parametrize(("format", "content_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")])
def test_pictures_are_recognised_by_content(format: str, content_type: str) -> None:
    assert recognised(pictures.picture(format)).content_type == content_type


def test_a_phones_heic_is_recognised_and_measured_by_its_header_boxes(settings: object) -> None:
    settings.MAX_PICTURE_PIXELS = 128 * 96  # type: ignore[attr-defined]  # pytest-django's wrapper
    assert recognised(heic((128, 96))).content_type == "image/heic"
    with pytest.raises(InvalidInput, match="too_many_pixels"):
        recognised(heic((640, 480)))


@pytest.mark.parametrize("length", [12, 40, 100])
def test_a_heic_cut_in_its_header_is_refused(length: int) -> None:
    with pytest.raises(InvalidInput, match="invalid_image"):
        recognised(heic((64, 48))[:length])


def test_the_limit_of_pixels_is_the_headers_word() -> None:
    with pytest.raises(InvalidInput, match="10000 x 10000"):
        recognised(pictures.png_bomb())


def test_a_wav_knows_its_length() -> None:
    import wave

    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 8000 * 3))
    upload = recognised(target.getvalue(), recording)
    assert (upload.content_type, upload.units) == ("audio/x-wav", 3.0)


def test_a_recording_whose_header_tells_no_length_is_taken_for_as_long_as_its_bytes_allow(settings: object) -> None:
    webm = b"\x1a\x45\xdf\xa3" + b"\x93\x42\x82\x84webm" + bytes(20_000)
    assert recognised(webm, recording).units == len(webm) / 2000


def test_a_recording_over_the_limit_is_refused_by_its_header(settings: object) -> None:
    settings.DIARIZATION_MAX_SECONDS = 2  # type: ignore[attr-defined]  # pytest-django's wrapper
    header = b"RIFF" + (36 + 64000).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    header += b"\x01\x00\x01\x00" + (8000).to_bytes(4, "little") + (16000).to_bytes(4, "little") + b"\x02\x00\x10\x00"
    header += b"data" + (64000).to_bytes(4, "little")
    with pytest.raises(InvalidInput, match="too_long"):
        recognised(header + bytes(64000), recording)
