"""An exception as an RFC 9457 problem document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import Http404
from rest_framework import exceptions

from tasks.errors import FACTS, Code, document
from tasks.languages import localized, translated

LONGEST_DETAIL = 1000  # characters
MEDIA_TYPE = "application/problem+json"


class Problem(exceptions.APIException):
    """An error answer with one of our codes; `wait` are the seconds that `Retry-After` says, `auth_header` what `WWW-Authenticate` does."""

    wait: int | None = None
    auth_header: str | None = None

    def __init__(self, code: Code, detail: str = "") -> None:
        super().__init__(detail or FACTS[code].title, code)
        self.problem_code = code
        self.said = detail
        self.status_code = FACTS[code].status


class TooLarge(Problem):
    def __init__(self, detail: str = "") -> None:
        super().__init__(Code.TOO_LARGE, detail)


class Unavailable(Problem):
    """The database is away. What was not answered 202 or 200 may have been accepted all the same, if it left in that very moment."""

    wait = 5

    def __init__(self) -> None:
        super().__init__(Code.UNAVAILABLE)


BY_EXCEPTION: list[tuple[type[Exception], Code]] = [
    (exceptions.NotAuthenticated, Code.UNAUTHENTICATED),
    (exceptions.AuthenticationFailed, Code.UNAUTHENTICATED),
    (exceptions.PermissionDenied, Code.FORBIDDEN),
    (exceptions.MethodNotAllowed, Code.METHOD_NOT_ALLOWED),
    (exceptions.UnsupportedMediaType, Code.UNSUPPORTED_MEDIA_TYPE),
    (exceptions.NotAcceptable, Code.NOT_ACCEPTABLE),
    (exceptions.NotFound, Code.NOT_FOUND),
    (Http404, Code.NOT_FOUND),
]


def problem_of(error: Exception, status: int) -> dict[str, Any]:
    """In the reader's language."""
    if isinstance(error, exceptions.ValidationError):
        return localized(invalid_request(error))
    if isinstance(error, Problem):
        return localized(document(error.problem_code, error.said))
    detail = readable(error.detail) if isinstance(error, exceptions.APIException) else ""
    code = next((code for kind, code in BY_EXCEPTION if isinstance(error, kind)), Code.INVALID_REQUEST)
    return localized(document(code, detail, status))


def readable(message: object) -> str:
    """It may repeat what was sent, which may be long, or no text at all."""
    return str(message)[:LONGEST_DETAIL].encode(errors="replace").decode()


def invalid_request(error: exceptions.ValidationError) -> dict[str, Any]:
    """`errors[]` says which field; the problem's own code is that of the fields where they agree."""
    errors = list(_flat(error.get_full_details()))
    codes = {item["code"] for item in errors}
    code = Code(codes.pop()) if len(codes) == 1 else Code.INVALID_REQUEST
    detail = " ".join(f"{item['field']}: {item['detail']}" if item["field"] else item["detail"] for item in errors)
    return {**document(code, detail), "errors": errors}


def _flat(details: Any, field: str = "") -> Iterator[dict[str, str]]:
    if isinstance(details, list):
        for item in details:
            yield from _flat(item, field)
    elif set(details) == {"message", "code"} and isinstance(details["code"], str):
        code = details["code"] if details["code"] in FACTS else Code.INVALID_REQUEST
        yield {"field": field, "detail": readable(translated(str(details["message"]))), "code": str(code)}
    else:
        for name, inner in details.items():
            place = f"{field}_{name + 1}" if isinstance(name, int) else name  # of several files, as a job names them
            yield from _flat(inner, place if place != "non_field_errors" else field)
