"""What the `evaluate_*` commands measured, written for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError


def write_figures(file: Path, figures: dict[str, Any]) -> None:
    """As JSON. Raises CommandError, which names the file, where it cannot be written."""
    try:
        file.write_text(json.dumps(figures, indent=1) + "\n")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from None
