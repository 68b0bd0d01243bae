"""What the `evaluate_*` commands measured: written for other programs, and read again to compare with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import CommandError

Read = TypeVar("Read")


def write_figures(file: Path, figures: dict[str, Any]) -> None:
    """As JSON. Raises CommandError, which names the file, where it cannot be written."""
    try:
        file.write_text(json.dumps(figures, indent=1) + "\n")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from None


def read_figures(file: Path, read: Callable[[Any], Read], *, command: str) -> Read:
    """What `read` finds in the JSON. Raises ValueError, which names the file, for one that `command` did not write."""
    try:
        return read(json.loads(file.read_bytes()))
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError):
        raise ValueError(f"{file} holds no figures of {command}") from None
