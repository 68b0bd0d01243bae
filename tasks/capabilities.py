"""What this installation can do: everything that a client would otherwise have to be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import blake2s
from typing import Any, ClassVar

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils.http import parse_etags
from django.utils.module_loading import import_string
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from tasks.corrections import MOST_REVISIONS
from tasks.errors import FACTS
from tasks.fields import FilesField, of_files
from tasks.formats import JSON, JSON_TYPE
from tasks.kinds import Kind, Operation, kinds
from tasks.models import Job, State
from tasks.openapi import jobs as described
from tasks.openapi.documents import CapabilitiesSerializer
from tasks.retention import DAY_SECONDS
from tasks.serializers import LONGEST_EXPIRY_SECONDS, MOST_JOBS, SubmitSerializer
from tasks.views import SubmitView

FRESH_SECONDS = 300
LINKS = {"self": "capabilities", "jobs": "jobs", "schema": "schema", "docs": "docs", "live": "livez", "ready": "readyz"}
TYPES = {serializers.BooleanField: "boolean", serializers.IntegerField: "integer", serializers.FloatField: "number"}


class CapabilitiesView(GenericAPIView[Job]):
    """What this installation can do; without a key, since nothing of it is secret."""

    authentication_classes = []
    permission_classes = []
    serializer_class = CapabilitiesSerializer
    descriptions: ClassVar = {"GET": described.CAPABILITIES}

    def get(self, request: Request) -> Response:
        known, tag = parse_etags(request.headers.get("If-None-Match", "")), capabilities_tag()
        response = Response(status=304) if tag in known or "*" in known else Response(capabilities())
        response["ETag"] = tag
        response["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
        return response


@cache
def capabilities() -> dict[str, Any]:
    """Made once in a process: it holds nothing but settings and code."""
    views = dict(submit_views(get_resolver().url_patterns))
    return {
        "kinds": {name: kind_facts(kind, views) for name, kind in kinds().items()},
        "limits": limit_facts(),
        "options": {name: field_facts(field) for name, field in SubmitSerializer().fields.items()},
        "states": list(State.values),
        "languages": [code for code, _ in settings.LANGUAGES],
        "codes": {str(code): {"status": facts.status, "retryable": facts.retryable} for code, facts in FACTS.items()},
        "links": {name: reverse(view) for name, view in LINKS.items()},
    }


@cache
def capabilities_tag() -> str:
    return f'"{blake2s(repr(capabilities()).encode(), digest_size=8).hexdigest()}"'


def submit_views(patterns: Iterable[URLPattern | URLResolver], before: str = "/") -> Iterator[tuple[tuple[str, str], tuple[str, Any]]]:
    """By kind and operation: the address, and the view class behind it."""
    for entry in patterns:
        address = before + str(entry.pattern)
        view: Any = getattr(entry.callback, "cls", None)
        if isinstance(entry, URLResolver):
            yield from submit_views(entry.url_patterns, address)
        elif view and issubclass(view, SubmitView) and hasattr(view, "operation") and view.schema is not None:  # not an old client's
            yield (view.kind, view.operation), (address.replace("<uuid:pk>", "{id}"), view)


def kind_facts(kind: Kind, views: dict[tuple[str, str], tuple[str, Any]]) -> dict[str, Any]:
    return {
        "model_version": kind.model_version,
        "keep_inputs_seconds": kind.keep_inputs_seconds,
        "operations": {
            name: operation_facts(operation, *views.get((kind.name, name), ("", None))) for name, operation in kind.operations.items()
        },
    }


def operation_facts(operation: Operation, address: str, view: Any) -> dict[str, Any]:
    fields = view.serializer_class().fields if view else {}
    return {
        "submit": address or None,
        "available": import_string(operation.available)() if operation.available else True,
        "request_bytes": view.serializer_class().most_bytes() if view else 0,
        "fields": {name: field_facts(field) for name, field in fields.items() if name not in SubmitSerializer._declared_fields},
        "unit": operation.unit,
        "deadline_seconds": operation.deadline_seconds,
        "deadline_seconds_per_unit": operation.deadline_seconds_per_unit,
        "result_formats": {JSON: JSON_TYPE} | {name: renderer.media_type for name, renderer in operation.renderers.items()},
        "corrections": operation.corrections is not None,
    }


def field_facts(field: serializers.Field[Any, Any, Any, Any]) -> dict[str, Any]:
    """As the field itself has it: what it is for, whether it is needed, and its bounds."""
    facts: dict[str, Any] = {"required": field.required}
    if field.help_text:
        facts["description"] = str(field.help_text)
    if file := of_files(field):
        several = {"min_files": field.min_length, "max_files": field.max_length} if isinstance(field, FilesField) else {}
        return {**facts, "type": "files" if several else "file", **several, **file.limits()}
    if isinstance(field, serializers.ChoiceField):
        return {**facts, "type": "choice", "choices": list(field.choices)}
    named = next((name for kind, name in TYPES.items() if isinstance(field, kind)), "string")
    bounds = {name: getattr(field, name, None) for name in ("min_value", "max_value", "max_length")}
    return {**facts, "type": named, **{name: value for name, value in bounds.items() if value is not None}}


def limit_facts() -> dict[str, int]:
    return {
        "json_bytes": settings.MAX_JSON_BYTES,
        "wait_seconds": settings.LONGEST_WAIT_SECONDS,
        "expires_in_seconds": LONGEST_EXPIRY_SECONDS,
        "idempotency_seconds": settings.IDEMPOTENCY_SECONDS,
        "queued_per_kind": settings.MAX_QUEUED_PER_KIND,
        "jobs_per_page": MOST_JOBS,
        "revisions_per_job": MOST_REVISIONS,
        "keep_results_seconds": round(settings.KEEP_RESULTS_DAYS * DAY_SECONDS),
        "keep_tombstones_seconds": round(settings.KEEP_TOMBSTONES_DAYS * DAY_SECONDS),
    }
