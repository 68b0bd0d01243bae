"""What people read, in their language. What is stored is English, with what it takes to say it in another language.

A sentence of ours is its own key in the catalogue (`fitsize/locale`); one with values in it is a `Sentence`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.functional import lazy
from django.utils.translation import get_language, gettext, override
from django.utils.translation.trans_real import parse_accept_lang_header

LONGEST_HEADER = 200  # characters that are looked at


class Sentence(str):
    """English to whoever takes it for a string; `id` with `values` (numbers and short words) is the same in any language."""

    id: str
    values: dict[str, str | float]


def sentence(id: str, **values: str | float) -> Sentence:
    """`sentence("%(count)s faces were found.", count=2)`."""
    made = Sentence(id % values)
    made.id, made.values = id, values
    return made


def english() -> bool:
    return get_language() in (None, settings.LANGUAGE_CODE)


def translated(text: str) -> str:
    """A sentence of ours in the language that is active now; any other text as it is."""
    if not text or english():
        return str(text)
    return gettext(text.id) % text.values if isinstance(text, Sentence) else gettext(text)


translated_lazy = lazy(translated, str)


def message_of(detail: str) -> dict[str, Any]:
    """What is stored beside an English detail."""
    return {"message": {"id": detail.id, "values": detail.values}} if isinstance(detail, Sentence) else {}


def localized(said: Mapping[str, Any]) -> dict[str, Any]:
    """A problem document or a warning as its reader shall see it. What was stored in another form stays English."""
    shown = {name: value for name, value in said.items() if name != "message"}
    if english():
        return shown
    if "title" in shown:
        shown["title"] = gettext(shown["title"])
    shown["detail"] = localized_detail(said)
    return shown


def localized_detail(said: Mapping[str, Any]) -> str:
    detail = str(said.get("detail", ""))
    try:
        stored = said["message"]
        return str(gettext(stored["id"]) % stored["values"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return translated(detail)


@lru_cache(maxsize=256)
def preferred(accept: str) -> str:
    """The language of ours that this `Accept-Language` likes best; the installation's where it likes none."""
    known = dict(settings.LANGUAGES)
    liked = [(language.partition("-")[0], quality) for language, quality in parse_accept_lang_header(accept)]
    return next((language for language, quality in liked if quality and language in known), settings.LANGUAGE_CODE)


def speaking(accept: str) -> override:
    """For a `with`: the language that this `Accept-Language` likes best."""
    return override(preferred(accept[:LONGEST_HEADER]), deactivate=True)


class ReadersLanguage:
    """Middleware: the language that the request asks for, while it is answered. A thread keeps nothing of it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        accept = request.META.get("HTTP_ACCEPT_LANGUAGE", "")
        language = preferred(accept[:LONGEST_HEADER]) if accept else settings.LANGUAGE_CODE
        if language == settings.LANGUAGE_CODE:
            response = self.get_response(request)
        else:
            with speaking(accept):
                response = self.get_response(request)
        if response.status_code >= 400:
            patch_vary_headers(response, ["Accept-Language"])
            response.headers.setdefault("Content-Language", language)
        return response
