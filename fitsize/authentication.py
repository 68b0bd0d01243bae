"""API keys and logins for the REST framework. Not in views: DRF imports its authentication classes while views are being imported."""

from __future__ import annotations

from django.conf import settings
from django.db import IntegrityError, transaction
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from fitsize.models import ApiKey, User
from tasks.kinds import scopes

REALM = 'Bearer realm="fitsize"'


def bearer(request: Request) -> str:
    """The secret that was sent; nothing where none was."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key, or token of a login>`: one look-up of its hash per request."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = ApiKey.objects.find(secret.strip())
        if key is None:
            raise exceptions.AuthenticationFailed("This API key is unknown or revoked, or the login is over.")
        key.note_use()
        owner = User.from_db(None, ["id"], [key.owner_id])  # the rest of the user is read only if somebody asks for it
        return owner, key

    def authenticate_header(self, request: Request) -> str:
        return REALM


class LegacyClientAuthentication(BaseAuthentication):
    """Everybody is the account of the old clients, with a key that nobody knows: its limits hold, and revoking it shuts them out."""

    name = "old clients"

    def authenticate(self, request: Request) -> tuple[User, ApiKey]:
        key = self.key() or self.made()
        if key is None:
            raise exceptions.AuthenticationFailed("The account of the old clients has no key.")
        key.note_use()
        return key.owner, key

    def key(self) -> ApiKey | None:
        of_account = ApiKey.objects.filter(owner__username=settings.LEGACY_ACCOUNT, owner__is_active=True)
        return of_account.filter(name=self.name, revoked_at=None).select_related("owner").first()

    def made(self) -> ApiKey | None:
        """Only for an account that is new: an older one without this key was shut out, or is somebody's."""
        try:
            with transaction.atomic():
                owner = User.objects.create_user(settings.LEGACY_ACCOUNT)
                return ApiKey.objects.issue(owner, self.name, scopes(), rate=0)[0]
        except IntegrityError:
            return self.key()  # another request was first

    def authenticate_header(self, request: Request) -> str:
        return REALM
