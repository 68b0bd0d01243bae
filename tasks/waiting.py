"""Django's side of the front: how long a client wants to wait, asking the front to hold it, and knowing its second pass."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

HOLD = "X-FitSize-Hold"
FRONT = "fitsize.front"  # in the ASGI scope and the WSGI environ: "" in a first pass, the job's id in a second; absent without the front
SECONDS = re.compile(r"([0-9]{1,6})")
PREFER = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?=$|[,;])", re.IGNORECASE)


def held_for(request: HttpRequest | Request) -> str | None:
    """The job that the front has waited for; None in a first pass. A client cannot set it: its headers become HTTP_*."""
    return request.META.get(FRONT) or None


def refuse_odd_wait(request: Request) -> None:
    """Before anything is done. (What is odd in a header says nothing: RFC 7240.)"""
    if not SECONDS.fullmatch(request.GET.get("wait", "0")):
        raise ValidationError({"wait": "A whole number of seconds."})


def wanted_seconds(request: Request) -> int | None:
    """Seconds by `Prefer: wait=n` (RFC 7240) or `?wait=n`, at most LONGEST_WAIT_SECONDS; None where neither was sent."""
    wanted = PREFER.search(request.headers.get("Prefer", "")) or SECONDS.fullmatch(request.GET.get("wait", ""))
    return min(int(wanted[1]), settings.LONGEST_WAIT_SECONDS) if wanted else None


class WithoutFront:
    """Middleware: under another server nobody holds the client, so nothing says so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if FRONT not in request.META and HOLD in response:
            del response[HOLD]
            del response["Preference-Applied"]
        return response
