"""Is the process alive, and can it accept work?"""

from __future__ import annotations

import secrets

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse

from tasks.models import kind_states


def livez(request: HttpRequest) -> JsonResponse:
    """This process answers."""
    return JsonResponse({"status": "alive"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Database and storage work: work is accepted. The states of the kinds are information: jobs wait for a kind that is down."""
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
    return JsonResponse({"status": "ready" if ready else "not_ready", "checks": checks, "kinds": states}, status=200 if ready else 503)


def _write_and_delete() -> None:
    default_storage.delete(default_storage.save(f"probe-{secrets.token_hex(8)}", ContentFile(b"probe")))
