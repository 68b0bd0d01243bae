"""Small files for the examples of requests; the service accepts them."""

from __future__ import annotations

PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFUlEQVR42mNsaGhgwAaYGHCAwSkBADAXAZDUexXGAAAAAElFTkSuQmCC"
"""8 x 8 grey pixels."""
RECORDING = (
    "data:audio/wav;base64,UklGRkwAAABXQVZFZm10IBAAAAABAAEAoA8AAKAPAAABAAgAZGF0YSgAAACAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICA"
)
"""A hundredth of a second of silence."""
