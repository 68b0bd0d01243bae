"""API keys for the REST framework. Not in views: DRF imports its authentication classes while views are being imported."""

from __future__ import annotations

from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from fitsize.models import ApiKey, User


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>`: one look-up of the key's hash per request."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = ApiKey.objects.find(secret.strip())
        if key is None:
            raise exceptions.AuthenticationFailed("This API key is unknown or revoked.")
        key.note_use()
        owner = User.from_db(None, ["id"], [key.owner_id])  # the rest of the user is read only if somebody asks for it
        return owner, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="fitsize"'
