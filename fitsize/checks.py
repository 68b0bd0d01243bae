"""What `manage.py check` refuses: an installation that is not as safe as it should be."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

FEWEST_ROUNDS = 10


@register
def password_rounds(**given: Any) -> list[CheckMessage]:
    """At 4 rounds, the old services' number, a stolen hash is tried a thousand times a second on one core; at 12 four times."""
    if settings.BCRYPT_ROUNDS >= FEWEST_ROUNDS:
        return []
    said = f"BCRYPT_ROUNDS is {settings.BCRYPT_ROUNDS}: a stolen password hash would be guessed quickly."
    return [Error(said, hint=f"Set BCRYPT_ROUNDS to {FEWEST_ROUNDS} or more, or leave it out: 12.", id="fitsize.E001")]


@register(Tags.security, deploy=True)
def master_key(app_configs: Any, **given: Any) -> list[CheckMessage]:
    if not settings.SEAL_KEYS_MADE_HERE or settings.SEAL_KEYS_FILE.parent != settings.DATA:
        return []
    said = "The master key lies in the data folder: whoever copies the folder can read the templates of faces and the voices of recordings."
    return [Warning(said, hint="Set SEAL_KEYS, and FACE_VAULT to a folder that other backups hold.", id="fitsize.W001")]
