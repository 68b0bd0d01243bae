"""A large body is asked for before it is read: the bridge sends the request to Django without it, and the view refuses or says go on.

So whoever has no key, no scope or no place left in a queue is told before a byte has been taken, and each address has its own limit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from tasks.errors import Code
from tasks.handlers import answer

ANNOUNCED = (
    "fitsize.announced"  # in the WSGI environ: bytes of a body that is not there yet. A client cannot set it: its headers become HTTP_*
)
REFUSED = "fitsize.refused"  # as above: code and detail of what the bridge found wrong with a body; Django says so in its own words
GO_ON = "X-FitSize-Go-On"  # the answer that lets the body come: how many bytes it may have


def announced_bytes(request: HttpRequest | Request) -> int | None:
    """Bytes of the body that this request will have; None where the body is there."""
    size: int | None = request.META.get(ANNOUNCED)
    return size


class LargeBodies:
    """Middleware: no other view than those that take files is run without its body, and none where the bridge has refused one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if refused := request.META.get(REFUSED):
            return answer(*refused)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, arguments: Any, named: Any) -> HttpResponseBase | None:
        if announced_bytes(request) is None or getattr(getattr(view, "cls", None), "takes_large_bodies", False):
            return None
        return answer(Code.TOO_LARGE, "This address takes no body of that size.")
