"""Users, and the API keys that are a way to be a user."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from tasks.models.columns import Columns
from tasks.transitions import rows

OPERATOR = "operator"
PREFIX = "fitsize_"
LAST_USED_RESOLUTION = timedelta(minutes=1)
FAILURES_COUNT_FOR = timedelta(minutes=15)
FAILURES_OF_NETWORK = 10
FAILURES_OF_ACCOUNT = 50


class User(AbstractUser):
    """The owner of jobs, inputs, galleries and garments."""


def fingerprint(key: str) -> str:
    """SHA-256 of a key: 256 random bits need no slow hash, and bcrypt on each request would cost more than a selfie (findings/faces.md,
    6)."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


LIVING_KEY = """
SELECT {columns} FROM fitsize_apikey JOIN fitsize_user ON fitsize_user.id = fitsize_apikey.owner_id
WHERE fitsize_apikey.hash = %(hash)s AND fitsize_apikey.revoked_at IS NULL AND fitsize_user.is_active
"""
OF_A_REQUEST: Columns[ApiKey] = Columns("fitsize.ApiKey", ("id", "scopes", "rate", "queued", "owner_id", "last_used_at"))


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def issue(self, owner: User, name: str, scopes: list[str], rate: int | None = None, queued: int | None = None) -> tuple[ApiKey, str]:
        """A new key and its only readable copy; the database keeps a hash. Limits that are not given are those of new keys."""
        secret = PREFIX + secrets.token_urlsafe(32)
        limits = {"rate": settings.KEY_RATE if rate is None else rate, "queued": settings.KEY_QUEUED if queued is None else queued}
        return self.create(owner=owner, name=name, scopes=scopes, hash=fingerprint(secret), start=secret[:14], **limits), secret

    def find(self, secret: str) -> ApiKey | None:
        """The living key of this secret. One statement of our own: it runs with each request, and costs a twentieth of the ORM's."""
        found = rows(LIVING_KEY.format(columns=OF_A_REQUEST), {"hash": fingerprint(secret)})
        return OF_A_REQUEST.instance(found[0]) if found else None


class ApiKey(models.Model):
    """A random key, stored hashed. `scopes` are kinds it may submit to, and `operator`."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    hash = models.CharField(max_length=64, unique=True)
    start = models.CharField(max_length=14)
    scopes = models.JSONField(default=list)
    rate = models.PositiveIntegerField()  # submits a minute; 0: no limit
    queued = models.PositiveIntegerField()  # jobs that wait at a time; 0: no limit
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    secret = ""  # of a key that was issued a moment ago, for the one answer that shows it

    objects: ClassVar = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.start}... ({self.name})"

    def allows(self, scope: str) -> bool:
        return scope in self.scopes

    def note_use(self) -> None:
        """Remember when the key was last used, to the minute: not a write per request."""
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at > LAST_USED_RESOLUTION:
            ApiKey.objects.filter(pk=self.pk).update(last_used_at=now)


class FailedLoginQuerySet(models.QuerySet["FailedLogin"]):
    def admits(self, account: str, network: str) -> bool:
        """Whether another try is heard, after the failures of the last quarter of an hour."""
        recent = self.filter(at__gt=timezone.now() - FAILURES_COUNT_FOR)
        of_network = recent.filter(network=network)[:FAILURES_OF_NETWORK].count()
        of_account = recent.filter(account=account[:150])[:FAILURES_OF_ACCOUNT].count()
        return of_network < FAILURES_OF_NETWORK and of_account < FAILURES_OF_ACCOUNT

    def note(self, account: str, network: str) -> None:
        self.filter(at__lt=timezone.now() - FAILURES_COUNT_FOR).delete()
        self.create(account=account[:150], network=network)


class FailedLogin(models.Model):
    """A wrong password, or a name that nobody has. A network that fails is shut out before it can shut out an account."""

    account = models.CharField(max_length=150)
    network = models.CharField(max_length=40)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects: ClassVar = FailedLoginQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["network", "at"], name="failed_login_of_network"),
            models.Index(fields=["account", "at"], name="failed_login_of_account"),
        ]

    def __str__(self) -> str:
        return f"{self.account} from {self.network}"
