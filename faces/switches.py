"""What this installation may be asked: by its settings, as capabilities tell."""

from __future__ import annotations

from django.conf import settings


def identify() -> bool:
    """Galleries are searched only where somebody has said so, and what for."""
    return bool(settings.FACES_IDENTIFY and settings.FACES_IDENTIFY_PURPOSE)


def challenge() -> bool:
    """Five points measure a turn too coarsely."""
    return bool(settings.FACE_LANDMARKS == 68)
