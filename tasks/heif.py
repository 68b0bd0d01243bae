"""The size of a HEIC picture by its header boxes (ISO/IEC 14496-12 and 23008-12): the web process decodes nothing."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

from tasks.errors import Code, InvalidInput

BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
LARGEST_META = 1 << 20


def is_heif(head: bytes) -> bool:
    """Whether a file's first bytes are an `ftyp` box of an HEVC picture (an AVIF names `mif1` too, but `avif` before it)."""
    return head[4:8] == b"ftyp" and head[8:12] in BRANDS


def heif_size(file: IO[bytes]) -> tuple[int, int]:
    """Width and height: the largest `ispe` property (a picture in tiles has one for the tiles and one for the whole).

    Raises InvalidInput("invalid_image") where the boxes do not hold one.
    """
    try:
        meta = _meta(file)
        properties = _inside(_inside(meta[4:], b"iprp"), b"ipco")
        sizes = [struct.unpack(">II", body[4:12]) for kind, body in _boxes(properties) if kind == b"ispe" and len(body) >= 12]
        width, height = max(sizes, key=lambda size: size[0] * size[1])
    except (ValueError, OverflowError, struct.error):
        raise InvalidInput(Code.INVALID_IMAGE, "The header of the picture cannot be read.") from None
    return int(width), int(height)


def _meta(file: IO[bytes]) -> bytes:
    """The body of the top-level `meta` box; boxes before it are skipped by their length."""
    file.seek(0)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"meta" and 8 <= length <= LARGEST_META:
            return file.read(length - 8)
        if length == 1:
            length = struct.unpack(">Q", file.read(8))[0] - 8
        if length < 8:
            break
        file.seek(length - 8, 1)
    raise ValueError("no meta box")


def _boxes(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position + 8 <= len(body):
        length, kind = struct.unpack_from(">I4s", body, position)
        if length < 8:
            return
        yield kind, body[position + 8 : position + length]
        position += length


def _inside(body: bytes, wanted: bytes) -> bytes:
    for kind, content in _boxes(body):
        if kind == wanted:
            return content
    raise ValueError(f"no {wanted!r} box")
