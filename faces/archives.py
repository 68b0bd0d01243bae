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
MOST_TABLE_BYTES = 1_000_000  # of the table of contents: each 47 bytes of it can become 400 in memory


class SmallTable:
    """A zip whose table of contents is small: `zipfile` reads all of it in one piece, whatever its size, and makes an object of each line.
    Entries cannot be read through it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.seek, self.tell, self.seekable, self.whole = file.seek, file.tell, file.seekable, file.read

    def read(self, size: int = -1, /) -> bytes:
        """Raises BadZipFile. Without a size, only the end of the file is read."""
        if size > MOST_TABLE_BYTES:
            raise zipfile.BadZipFile
        return self.whole(size)


def archive(file: IO[bytes], size: int) -> Upload:
    """A zip of 1 to 500 files; its unit of work is a file. Raises InvalidInput(`invalid_archive`)."""
    try:
        with zipfile.ZipFile(SmallTable(file)) as found:
            count = len(entries(found))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        raise InvalidInput(Code.INVALID_ARCHIVE, "The file is not a zip archive.") from None
    return Upload(file, size, "application/zip", units=float(count))


def entries(found: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files that are meant: without folders, and without what systems leave in archives of their own accord."""
    meant = [entry for entry in found.infolist() if not left_by_a_system(entry.filename) and not entry.is_dir()]
    if not 1 <= len(meant) <= MOST_PHOTOS:
        said = sentence("An archive holds 1 to %(most)s photos; this one holds %(count)s.", most=MOST_PHOTOS, count=len(meant))
        raise InvalidInput(Code.INVALID_ARCHIVE, said)
    if any(entry.file_size > MOST_TIMES * max(entry.compress_size, 1) for entry in meant):
        raise InvalidInput(Code.INVALID_ARCHIVE, "A file of the archive grows too much when it is unpacked.")
    return meant


def left_by_a_system(name: str) -> bool:
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or path.name.startswith(".") or path.name in ("", "Thumbs.db", "desktop.ini")
