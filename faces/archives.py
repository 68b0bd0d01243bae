"""Archives of photos: what may be in one, by its table of contents alone."""

from __future__ import annotations

import zipfile
from pathlib import PurePosixPath
from typing import IO

from tasks.errors import Code, InvalidInput
from tasks.languages import sentence
from tasks.uploads import Upload

MOST_PHOTOS = 500
MOST_TIMES = 20  # that an entry may be larger than what it is packed in: photos hardly shrink, bombs do


def archive(file: IO[bytes], size: int) -> Upload:
    """A zip of 1 to 500 files; its unit of work is a file. Raises InvalidInput(`invalid_archive`)."""
    try:
        with zipfile.ZipFile(file) as found:
            count = len(entries(found))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        raise InvalidInput(Code.INVALID_ARCHIVE, "The file is not a zip archive.") from None
    return Upload(file, size, "application/zip", units=float(count))


def entries(found: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files that are meant: without folders, and without what systems leave in archives of their own accord."""
    meant = [entry for entry in found.infolist() if not entry.is_dir() and not left_by_a_system(entry.filename)]
    if not 1 <= len(meant) <= MOST_PHOTOS:
        said = sentence("An archive holds 1 to %(most)s photos; this one holds %(count)s.", most=MOST_PHOTOS, count=len(meant))
        raise InvalidInput(Code.INVALID_ARCHIVE, said)
    if any(entry.file_size > MOST_TIMES * max(entry.compress_size, 1) for entry in meant):
        raise InvalidInput(Code.INVALID_ARCHIVE, "A file of the archive grows too much when it is unpacked.")
    return meant


def left_by_a_system(name: str) -> bool:
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or path.name.startswith(".") or path.name in ("", "Thumbs.db", "desktop.ini")
