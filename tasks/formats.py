"""Results in other formats than JSON: which one a client wants, and the answer that holds it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string
from rest_framework.request import Request

from tasks.errors import Code
from tasks.kinds import Renderer
from tasks.languages import sentence
from tasks.models import Job
from tasks.problems import Problem

JSON = "json"
JSON_TYPE = "application/json"
CHARSET = re.compile(r";\s*charset=[^;,]*", re.IGNORECASE)
Answer = TypeVar("Answer", bound=HttpResponseBase)
COMMON = frozenset({"", "*/*", JSON_TYPE})


def wanted_format(request: Request, renderers: Mapping[str, Renderer]) -> str:
    """The name of a format: that of `?format=`, else what `Accept` likes best; JSON where it says nothing.

    Raises Problem(`not_acceptable`), which names those that there are.
    """
    named = request.GET.get("format")
    if named is None:
        return accepted_format(request, renderers)
    if named != JSON and named not in renderers:
        raise not_acceptable(renderers)
    return named


def accepted_format(request: Request, renderers: Mapping[str, Renderer]) -> str:
    accept = request.META.get("HTTP_ACCEPT", "")
    if accept in COMMON:
        return JSON
    types = {JSON_TYPE: JSON} | {renderer.media_type: name for name, renderer in renderers.items()}
    best = accepting(accept).get_preferred_type(list(types))
    if best is None:
        raise not_acceptable(renderers)
    return types[best]


def takes_json(request: Request) -> bool:
    """Whether a client that wants another format can do with JSON meanwhile."""
    return "format" not in request.GET and accepting(request.META.get("HTTP_ACCEPT", "*/*")).accepts(JSON_TYPE)


def accepting(accept: str) -> HttpRequest:
    """Django's own reading of the header. A charset tells nothing: all text is UTF-8."""
    request = HttpRequest()
    request.META["HTTP_ACCEPT"] = CHARSET.sub("", accept)
    return request


def not_acceptable(renderers: Mapping[str, Renderer]) -> Problem:
    known = [f"{JSON} ({JSON_TYPE})", *(f"{name} ({renderer.media_type})" for name, renderer in renderers.items())]
    return Problem(Code.NOT_ACCEPTABLE, sentence("The formats are %(known)s.", known=", ".join(known)))


def rendered(job: Job, name: str, renderer: Renderer) -> HttpResponse:
    """The result with its corrections in this format, as a file to be saved."""
    content = import_string(renderer.function)(job.corrected(job.history()), str(job.pk))
    charset = "; charset=utf-8" if isinstance(content, str) else ""
    response = HttpResponse(content, content_type=renderer.media_type + charset)
    response["Content-Disposition"] = f'attachment; filename="{job.kind}-{job.pk}.{renderer.extension or name}"'
    return sandboxed(response)


def sandboxed(response: Answer) -> Answer:
    """Opened as a page (an SVG may hold script) it can neither run script nor load anything, and is nothing but what its type says."""
    response["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
    response["X-Content-Type-Options"] = "nosniff"
    return response
