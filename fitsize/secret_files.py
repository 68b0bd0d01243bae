"""Secrets made on the first start, for an installation that sets none."""

from __future__ import annotations

import binascii
import hashlib
import os
import re
import secrets
from base64 import b64decode
from pathlib import Path

MADE_HERE = "made-here"
NAMED_KEY = re.compile(r"(?P<name>[\w.-]{1,40}):(?P<key>[A-Za-z0-9+/_=-]+)")


def secret_file(path: Path) -> str:
    """The secret in this file, made first if there is none (mode 0600). Two processes that start together get the same one."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # atomic, and fails if another was first
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def named_keys(text: str, file: Path) -> dict[str, bytes]:
    """Keys of 32 bytes by name: those of `name:base64,...`, and at the end the one that was made here in this file; it is made if there is
    no other. Raises ValueError for a text that is not of this form."""
    keys = dict(named_key(part.strip()) for part in text.split(",") if part.strip())
    if not keys or file.exists():
        keys.setdefault(MADE_HERE, hashlib.sha256(secret_file(file).encode()).digest())
    return keys


def named_key(text: str) -> tuple[str, bytes]:
    found = NAMED_KEY.fullmatch(text)
    try:
        key = b64decode(found["key"].replace("-", "+").replace("_", "/"), validate=True) if found else b""
    except binascii.Error:
        key = b""
    if found is None or len(key) != 32:
        raise ValueError("a key is its name, a colon and 32 bytes in base64")
    return found["name"], key
