"""Photos out of a zip, one at a time and never onto the disk: each folder is a person, and a file beside the folders is one too."""

from __future__ import annotations

import hashlib
import io
import lzma
import zipfile
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, BinaryIO

from django.conf import settings

from faces.archives import entries
from faces.photos import mark
from tasks.errors import Code, InvalidInput
from tasks.uploads import picture

CHUNK_BYTES = 1 << 16
LONGEST_NAME = 200


@dataclass(frozen=True)
class Packed:
    """A photo in an archive; `reason` says why it cannot be one."""

    file: str
    mark: str
    reason: str = ""

    def content(self, archive: zipfile.ZipFile) -> BinaryIO:
        return io.BytesIO(read(archive, self.file))


def groups(file: IO[bytes]) -> list[tuple[str, list[Packed]]]:
    """Each person's name and photos: of one folder, or a single file. Raises InvalidInput(`invalid_archive`)."""
    found: dict[tuple[str, str], list[Packed]] = defaultdict(list)
    with zipfile.ZipFile(file) as archive:
        for entry in entries(archive):
            path = PurePosixPath(entry.filename)
            name, place = (path.parent.name, str(path.parent)) if path.parent.name else (path.stem, entry.filename)
            found[printable(name), place].append(packed(archive, entry))
    return [(name, photos) for (name, _), photos in found.items()]


def printable(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable())[:LONGEST_NAME]


def packed(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Packed:
    """Read once to know whether it is there already, and what it is by its header."""
    if entry.flag_bits & 1:
        return Packed(entry.filename, "", "encrypted")
    try:
        content = read(archive, entry.filename)
        picture(io.BytesIO(content), len(content))
    except InvalidInput as refused:
        return Packed(entry.filename, "", str(refused.code))
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, OSError, ValueError):
        return Packed(entry.filename, "", str(Code.INVALID_ARCHIVE))
    return Packed(entry.filename, mark(hashlib.sha256(content).hexdigest()))


def read(archive: zipfile.ZipFile, name: str) -> bytes:
    """What its header says of its size need not be true. Raises InvalidInput(`too_large`)."""
    with archive.open(name) as file:
        content = file.read(settings.MAX_PICTURE_BYTES + 1)
    if len(content) > settings.MAX_PICTURE_BYTES:
        raise InvalidInput(Code.TOO_LARGE)
    return content
