"""Headers that tell a browser to do as little as possible with an answer."""

from __future__ import annotations

from functools import cached_property

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.http import HttpRequest
from django.http.response import HttpResponseBase

ITS_OWN = {"_csp_config", "_csp_update", "_csp_replace", "_csp_exempt"}


class SecurityHeaders(CSPMiddleware):
    """django-csp, which builds the policy anew for each answer, for the pages that have one of their own; a constant for all others."""

    @cached_property
    def policy(self) -> str:
        return build_policy()

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if not ITS_OWN.isdisjoint(response.__dict__):
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, self.policy)
        return response
