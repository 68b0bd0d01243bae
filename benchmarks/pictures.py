from __future__ import annotations

import io
import os

from PIL import Image


def noisy_jpeg(size: int) -> bytes:
    """A JPEG of exactly this many bytes: what follows its end is not looked at before the worker."""
    small = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(small, "JPEG")
    return small.getvalue() + os.urandom(size - small.tell())
