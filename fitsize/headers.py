"""Headers that tell a browser to do as little as possible with an answer."""

from __future__ import annotations

from functools import cached_property

from csp.constants import HEADER, NONE, SELF
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from fitsize.middleware import WITH_SESSIONS

ITS_OWN = {"_csp_config", "_csp_update", "_csp_replace", "_csp_exempt"}
PAGE_POLICY = {"default-src": [SELF], "base-uri": [NONE], "form-action": [SELF], "frame-ancestors": [NONE]}
PAGE_REFERRER = "same-origin"  # a browser that says nothing of where it comes from cannot pass the check of a form


class SecurityHeaders(CSPMiddleware):
    """Two constants, one for pages with sessions and one for all else; django-csp builds the policy anew for each page that has one of its
    own."""

    @cached_property
    def policy(self) -> str:
        return build_policy()

    @cached_property
    def page_policy(self) -> str:
        return build_policy(config=PAGE_POLICY)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if not ITS_OWN.isdisjoint(response.__dict__):
            return super().process_response(request, response)
        if request.path_info.startswith(WITH_SESSIONS):
            response.headers.setdefault(HEADER, self.page_policy)
            response.headers.setdefault("Referrer-Policy", PAGE_REFERRER)
        response.headers.setdefault(HEADER, self.policy)
        return response
