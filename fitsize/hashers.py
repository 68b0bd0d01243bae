"""Passwords by bcrypt with rounds from the settings."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher


class BcryptHasher(BCryptSHA256PasswordHasher):
    """The only hasher listed: with the stock class beside it Django would use the stock one (findings/faces.md, section 6)."""

    rounds = settings.BCRYPT_ROUNDS
