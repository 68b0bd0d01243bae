"""The description itself, and the page on which it is read."""

from __future__ import annotations

import threading
from functools import cache

from csp.constants import NONE, SELF
from csp.decorators import csp
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.decorators import method_decorator
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from tasks.health import OpenView
from tasks.openapi import jobs as described

MEDIA_TYPE = "application/vnd.oai.openapi+json"
PAGE_POLICY = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF, "data:"],
    "connect-src": [SELF],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
}
lock = threading.Lock()


@cache
def written() -> bytes:
    """The whole description; it is made once, as it changes with the code alone."""
    from drf_spectacular.generators import SchemaGenerator  # 4 MB, for processes that are asked

    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    content: bytes = JSONRenderer().render(schema)
    return content


class SchemaView(OpenView):
    descriptions = {"GET": described.SCHEMA}

    def get(self, request: Request) -> HttpResponse:
        with lock:
            content = written()
        return HttpResponse(content, content_type=MEDIA_TYPE, headers={"Cache-Control": "public, max-age=300"})


@method_decorator(csp(PAGE_POLICY), name="get")
class DocsView(OpenView):
    """Swagger UI, from this machine; the page has no script or style inside."""

    descriptions = {"GET": described.DOCS}

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(render_to_string("tasks/docs.html"))
