"""Is the process alive, and can it accept work?"""

from __future__ import annotations

import secrets

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, InterfaceError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

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
