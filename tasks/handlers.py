"""Every error answer is a problem document, whoever raised it: the REST framework or Django itself."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, JsonResponse
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from tasks.errors import FACTS, Code, Refused, document
from tasks.languages import localized
from tasks.problems import MEDIA_TYPE, Problem, TooLarge, Unavailable, problem_of
from tasks.transitions import AWAY

logger = logging.getLogger(__name__)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's answer to an exception, with our body; None (Django's 500) for what is our fault."""
    if isinstance(error, RequestDataTooBig):
        error = TooLarge()
    if isinstance(error, Refused):
        error = Problem(error.code, error.detail)
    if isinstance(error, AWAY):
        logger.warning("the database is away", exc_info=error)
        error = Unavailable()
    response = drf_exception_handler(error, context)
    if response is None:
        return None
    response.data = problem_of(error, response.status_code)
    if isinstance(error, ValidationError):
        response.status_code = response.data["status"]
    response.content_type = MEDIA_TYPE
    return response


def answer(code: Code, detail: str = "") -> JsonResponse:
    return JsonResponse(localized(document(code, detail)), status=FACTS[code].status, content_type=MEDIA_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's handler400: hostile headers, too many fields, a body above the limit."""
    if isinstance(exception, RequestDataTooBig):
        return answer(Code.TOO_LARGE)
    if isinstance(exception, SuspiciousOperation):
        logger.warning("refused: %s", type(exception).__name__)
    return answer(Code.INVALID_REQUEST)


def permission_denied(request: HttpRequest, exception: Exception) -> JsonResponse:
    return answer(Code.FORBIDDEN)


def page_not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    return answer(Code.NOT_FOUND, "There is nothing at this address.")


def server_error(request: HttpRequest) -> JsonResponse:
    return answer(Code.INTERNAL_ERROR)
