"""Sessions and what hangs on them, below the admin's address alone: together they would cost each request of the API 50 us and more."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware

WITH_SESSIONS = ("/admin/",)  # another page that needs a session is another line here


class ForPages:
    """Passes by everything else. Subclasses of Django's own, because its checks look for them."""

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(WITH_SESSIONS):
            return super().__call__(request)  # type: ignore[misc]  # Django's middleware, which comes next
        return self.get_response(request)  # type: ignore[attr-defined]  # as above


class Sessions(ForPages, SessionMiddleware): ...


class Csrf(ForPages, CsrfViewMiddleware):
    def process_view(self, request: HttpRequest, *rest: Any) -> Any:
        return super().process_view(request, *rest) if request.path_info.startswith(WITH_SESSIONS) else None


class Authentication(ForPages, AuthenticationMiddleware): ...


class Messages(ForPages, MessageMiddleware): ...
