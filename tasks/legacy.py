"""Adapters for programs that are older than this service, and know nothing of keys and jobs: `LEGACY_CLIENTS` says which are let in.

They answer as those programs expect, and work as everything else does: the same jobs, queues and limits, of one account.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from tasks.parsers import BoundedJSONParser


class AnyJSONParser(BoundedJSONParser):
    """JSON whatever the client calls it: old ones name no type, or a form's."""

    media_type = "*/*"


class LegacyView(APIView):
    """Mixed into a view of ours. Without its client in `LEGACY_CLIENTS` there is nothing at its address, and the API's description does not
    have it."""

    client: str
    schema = None

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [import_string(settings.LEGACY_AUTHENTICATION)()]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if self.client not in settings.LEGACY_CLIENTS:
            raise NotFound
        super().initial(request, *args, **kwargs)
