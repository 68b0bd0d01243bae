"""What a client sent, recognised by content and measured by its header, before anything is decompressed or stored."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any, BinaryIO, cast

import filetype
from django.conf import settings
from PIL import Image, UnidentifiedImageError
from tinytag import TinyTag, TinyTagException

from tasks.errors import Code, InvalidInput
from tasks.heif import heif_size, is_heif
from tasks.languages import sentence

HEAD_BYTES = 8192
CHUNK_BYTES = 1 << 20
PICTURE_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
HEIC = "image/heic"
OPENED = ("JPEG", "PNG", "WEBP")  # a phone's MPO is opened as JPEG
RECORDING_TYPES = frozenset(
    {"audio/mpeg", "audio/mp4", "audio/x-wav", "audio/x-flac", "audio/ogg", "audio/aac", "video/mp4", "video/webm", "video/x-matroska"}
    | {"video/x-m4v", "video/quicktime"}
)
SLOWEST_BYTES_PER_SECOND = (
    2000  # 16 kbit/s: where a header does not tell the length, a recording is taken to be no longer than at this rate
)

Image.MAX_IMAGE_PIXELS = None  # our own limit is checked below, by header; Pillow's warning would only repeat it


@dataclass
class Upload:
    """A file of a request: `units` is its share of work (1 for a picture, seconds for a recording)."""

    file: IO[bytes]
    size: int
    content_type: str
    units: float = 1.0

    @cached_property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        self.file.seek(0)
        while chunk := self.file.read(CHUNK_BYTES):
            digest.update(chunk)
        return digest.hexdigest()


def picture(file: IO[bytes], size: int) -> Upload:
    """A JPEG, PNG, WebP or HEIC within the limits; raises InvalidInput (`unsupported_format`, `invalid_image`, `too_many_pixels`)."""
    head = file.read(HEAD_BYTES)
    content_type, width, height = (HEIC, *heif_size(file)) if is_heif(head) else _measured(file)
    if width * height > settings.MAX_PICTURE_PIXELS:
        size_and_limit = {"width": width, "height": height, "megapixels": round(settings.MAX_PICTURE_PIXELS / 1e6)}
        said = sentence("The picture has %(width)s x %(height)s pixels; %(megapixels)s megapixels are the limit.", **size_and_limit)
        raise InvalidInput(Code.TOO_MANY_PIXELS, said)
    return Upload(file, size, content_type)


def _measured(file: IO[bytes]) -> tuple[str, int, int]:
    file.seek(0)
    try:
        header = Image.open(file, formats=OPENED)
    except UnidentifiedImageError:
        raise InvalidInput(Code.UNSUPPORTED_FORMAT, "The file is not a JPEG, PNG, WebP or HEIC picture.") from None
    except (OSError, SyntaxError, ValueError, EOFError):
        raise InvalidInput(Code.INVALID_IMAGE, "The header of the picture cannot be read.") from None
    return PICTURE_TYPES[str(header.format)], header.width, header.height


def recording(file: IO[bytes], size: int) -> Upload:
    """A recording in a known container within the limits; raises InvalidInput (`unsupported_format`, `too_long`)."""
    head = file.read(HEAD_BYTES)
    guess = filetype.guess_mime(head)
    if guess not in RECORDING_TYPES:
        raise InvalidInput(Code.UNSUPPORTED_FORMAT, "The file is not a wav, mp3, m4a, aac, flac, ogg, webm or mp4 recording.")
    seconds = _seconds(file)
    if seconds is not None and seconds > settings.DIARIZATION_MAX_SECONDS:
        most = settings.DIARIZATION_MAX_SECONDS
        said = sentence("The recording lasts %(seconds)s s; %(most)s s are the limit.", seconds=round(seconds), most=most)
        raise InvalidInput(Code.TOO_LONG, said)
    longest = min(size / SLOWEST_BYTES_PER_SECOND, settings.DIARIZATION_MAX_SECONDS)
    return Upload(file, size, guess, units=seconds or longest)


def _seconds(file: IO[bytes]) -> float | None:
    """Length by the container's header; None where it does not say. The worker measures again while it decodes."""
    file.seek(0)
    try:
        tag: Any = TinyTag.get(file_obj=cast(BinaryIO, file), tags=False, image=False)
    except (TinyTagException, OSError, ValueError, ArithmeticError, LookupError):
        return None
    return float(tag.duration) if tag.duration else None
