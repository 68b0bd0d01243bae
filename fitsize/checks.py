"""What `manage.py check` refuses: an installation that is not as safe as it should be."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

FEWEST_ROUNDS = 10


@register
def password_rounds(**given: Any) -> list[CheckMessage]:
    """At 4 rounds, the old services' number, a stolen hash is tried a thousand times a second on one core; at 12 four times."""
    if settings.BCRYPT_ROUNDS >= FEWEST_ROUNDS:
        return []
    said = f"BCRYPT_ROUNDS is {settings.BCRYPT_ROUNDS}: a stolen password hash would be guessed quickly."
    return [Error(said, hint=f"Set BCRYPT_ROUNDS to {FEWEST_ROUNDS} or more, or leave it out: 12.", id="fitsize.E001")]
