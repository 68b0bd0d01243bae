"""Pictures made for tests."""

from __future__ import annotations

import base64
import io
import struct
import zlib

from PIL import Image


def picture(format: str = "JPEG", size: tuple[int, int] = (64, 48), **options: object) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, (120, 90, 60)).save(target, format, **options)
    return target.getvalue()


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def png_bomb(width: int = 10_000, height: int = 10_000) -> bytes:
    """A PNG of a few hundred kilobytes at most that would decompress to width * height pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    squeezer = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    body = b"".join(squeezer.compress(row) for _ in range(height)) + squeezer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
