"""Users, and the API keys and logins that are ways to be a user."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import connection, models
from django.db.models import Q
from django.utils import timezone

from tasks.kinds import kinds
from tasks.models.columns import Columns
from tasks.transitions import DIALECTS, rows

OPERATOR = "operator"
PREFIX = "fitsize_"
LOGIN_PREFIX = "fitsize_login."  # no key begins so: the dot is not among the characters of one
LOGINS = "logins"  # the name of the key behind an owner's logins
MOST_LOGINS = 20  # of one user that live at a time
LAST_USED_RESOLUTION = timedelta(minutes=1)
ATTEMPTS_COUNT_FOR = timedelta(minutes=15)
FAILURES_OF_NETWORK = 10
FAILURES_OF_ACCOUNT = 50
REGISTRATIONS_OF_NETWORK = 20


class User(AbstractUser):
    """The owner of jobs, inputs, galleries and garments."""

    def save(self, *args: Any, **options: Any) -> None:
        """A new password also ends all logins: whoever had one by the former is out. The same one, hashed anew at a login, is none."""
        is_new = getattr(self, "_password", None) is not None  # as Django tells the validators
        super().save(*args, **options)
        if is_new:
            LoginToken.objects.filter(key__owner=self).delete()


def fingerprint(key: str) -> str:
    """SHA-256 of a key: 256 random bits need no slow hash, and bcrypt on each request would cost more than a selfie (findings/faces.md,
    6)."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


LIVING_KEY = """
SELECT {columns} FROM fitsize_apikey JOIN fitsize_user ON fitsize_user.id = fitsize_apikey.owner_id
WHERE fitsize_apikey.hash = %(hash)s AND fitsize_apikey.revoked_at IS NULL AND fitsize_user.is_active
"""
LIVING_LOGIN = """
SELECT {columns} FROM fitsize_logintoken
JOIN fitsize_apikey ON fitsize_apikey.id = fitsize_logintoken.key_id JOIN fitsize_user ON fitsize_user.id = fitsize_apikey.owner_id
WHERE fitsize_logintoken.hash = %(hash)s AND fitsize_logintoken.expires_at > {now}
    AND fitsize_apikey.revoked_at IS NULL AND fitsize_user.is_active
"""
OF_A_REQUEST: Columns[ApiKey] = Columns("fitsize.ApiKey", ("id", "scopes", "rate", "queued", "owner_id", "last_used_at"))


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def issue(self, owner: User, name: str, scopes: list[str], rate: int | None = None, queued: int | None = None) -> tuple[ApiKey, str]:
        """A new key and its only readable copy; the database keeps a hash. Limits that are not given are those of new keys."""
        secret = PREFIX + secrets.token_urlsafe(32)
        limits = {"rate": settings.KEY_RATE if rate is None else rate, "queued": settings.KEY_QUEUED if queued is None else queued}
        return self.create(owner=owner, name=name, scopes=scopes, hash=fingerprint(secret), start=secret[:14], **limits), secret

    def find(self, secret: str) -> ApiKey | None:
        """The living key of this secret, be it a key's own or a login's. One statement of our own: it runs with each request, and costs a
        twentieth of the ORM's."""
        living = LIVING_LOGIN if secret.startswith(LOGIN_PREFIX) else LIVING_KEY
        found = rows(living.format(columns=OF_A_REQUEST, now=DIALECTS[connection.vendor].now), {"hash": fingerprint(secret)})
        return OF_A_REQUEST.instance(found[0]) if found else None

    def of_logins(self, owner: User) -> ApiKey:
        """The key behind an owner's logins, made with the first one: limits and scopes sit on it, and its secret is thrown away."""
        nobodys = {"name": LOGINS, "scopes": list(kinds()), "hash": fingerprint(secrets.token_urlsafe(32)), "start": LOGIN_PREFIX}
        limits = {"rate": settings.KEY_RATE, "queued": settings.KEY_QUEUED}
        return self.get_or_create(owner=owner, logins=True, defaults={**nobodys, **limits})[0]


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
    logins = models.BooleanField(default=False, editable=False)  # the one behind its owner's logins
    secret = ""  # of a key that was issued a moment ago, for the one answer that shows it

    objects: ClassVar = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner"], condition=Q(logins=True), name="one_key_of_logins")]

    def __str__(self) -> str:
        return f"{self.start}... ({self.name})"

    def allows(self, scope: str) -> bool:
        return scope in self.scopes

    def note_use(self) -> None:
        """Remember when the key was last used, to the minute: not a write per request."""
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at > LAST_USED_RESOLUTION:
            ApiKey.objects.filter(pk=self.pk).update(last_used_at=now)


class LoginTokenQuerySet(models.QuerySet["LoginToken"]):
    def issue(self, key: ApiKey) -> tuple[LoginToken, str]:
        """A new token and its only readable copy. What has expired goes, and so do an owner's oldest beyond MOST_LOGINS."""
        now = timezone.now()
        self.filter(expires_at__lte=now).delete()
        older = self.filter(key=key).order_by("-pk").values_list("pk", flat=True)[MOST_LOGINS - 1 :]
        self.filter(pk__in=list(older)).delete()
        secret = LOGIN_PREFIX + secrets.token_urlsafe(32)
        return self.create(key=key, hash=fingerprint(secret), expires_at=now + timedelta(hours=settings.TOKEN_HOURS)), secret


class LoginToken(models.Model):
    """A random token that a login gave, stored hashed: no request after the login pays for bcrypt."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="tokens")
    hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    objects: ClassVar = LoginTokenQuerySet.as_manager()

    def __str__(self) -> str:
        return f"login of {self.key.owner}"


class AttemptQuerySet(models.QuerySet["Attempt"]):
    def recent(self, what: str) -> AttemptQuerySet:
        return self.filter(what=what, at__gt=timezone.now() - ATTEMPTS_COUNT_FOR)

    def admit_login(self, account: str, network: str) -> bool:
        """Whether another try is heard, after the failures of the last quarter of an hour."""
        recent = self.recent(Attempt.What.FAILED_LOGIN)
        of_network = recent.filter(network=network)[:FAILURES_OF_NETWORK].count()
        of_account = recent.filter(account=account[:150])[:FAILURES_OF_ACCOUNT].count()
        return of_network < FAILURES_OF_NETWORK and of_account < FAILURES_OF_ACCOUNT

    def admit_registration(self, network: str) -> bool:
        recent = self.recent(Attempt.What.REGISTRATION).filter(network=network)
        return recent[:REGISTRATIONS_OF_NETWORK].count() < REGISTRATIONS_OF_NETWORK

    def note(self, what: Attempt.What, account: str, network: str) -> None:
        self.filter(at__lt=timezone.now() - ATTEMPTS_COUNT_FOR).delete()
        self.create(what=what, account=account[:150], network=network)


class Attempt(models.Model):
    """A wrong password, a name that nobody has, or a registration: what nobody may do as often as they like. A network that fails is shut
    out before it can shut out an account."""

    class What(models.TextChoices):
        FAILED_LOGIN = "login"
        REGISTRATION = "registration"

    what = models.CharField(max_length=12, choices=What.choices)
    account = models.CharField(max_length=150)
    network = models.CharField(max_length=40)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects: ClassVar = AttemptQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["network", "at"], name="attempt_of_network"),
            models.Index(fields=["account", "at"], name="attempt_of_account"),
        ]

    def __str__(self) -> str:
        return f"{self.what} of {self.account} from {self.network}"
