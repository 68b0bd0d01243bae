"""Is the process alive, can it accept work, and how is everything doing?"""

from __future__ import annotations

import secrets
from hmac import compare_digest

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, InterfaceError
from django.http import HttpResponse
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tasks.metrics import exposition
from tasks.models import kind_states
from tasks.openapi import jobs as described
from tasks.openapi.descriptions import Descriptions


class OpenView(APIView):
    """For anybody, without a key."""

    authentication_classes = ()
    permission_classes = ()
    descriptions: Descriptions


class LiveView(OpenView):
    """This process answers."""

    descriptions = {"GET": described.LIVEZ}

    def get(self, request: Request) -> Response:
        return Response({"status": "alive"})


class ReadyView(OpenView):
    """Database and storage work: work is accepted. The states of the kinds are information: jobs wait for a kind that is down."""

    descriptions = {"GET": described.READYZ}

    def get(self, request: Request) -> Response:
        checks: dict[str, str] = {"database": "ok", "storage": "ok"}
        states: dict[str, str] = {}
        try:
            states = kind_states()
        except (DatabaseError, InterfaceError):
            checks["database"] = "failed"
        try:
            _write_and_delete()
        except OSError:
            checks["storage"] = "failed"
        ready = set(checks.values()) == {"ok"}
        said = {"status": "ready" if ready else "not_ready", "checks": checks, "kinds": states}
        return Response(said, 200) if ready else Response(said, 503, headers={"Retry-After": "5"})


def _write_and_delete() -> None:
    default_storage.delete(default_storage.save(f"probe-{secrets.token_hex(8)}", ContentFile(b"probe")))


class MetricsKey(BaseAuthentication):
    """`Authorization: Bearer <METRICS_KEY>`, a key that opens nothing else. API keys do not open the metrics."""

    def authenticate(self, request: Request) -> None:
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not compare_digest(sent.strip().encode(), settings.METRICS_KEY.encode()):
            raise AuthenticationFailed("The metrics have a key of their own (METRICS_KEY).")

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="fitsize metrics"'


class MetricsView(APIView):
    schema = None  # it is no part of the API
    authentication_classes = [MetricsKey]
    permission_classes = []

    def get(self, request: Request) -> HttpResponse:
        content, media_type = exposition(request.headers.get("Accept", ""))
        response = HttpResponse(content, content_type=media_type)
        response["Cache-Control"] = "no-store"
        return response
