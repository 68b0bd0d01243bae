"""Secrets made on the first start, for an installation that sets none."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


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
