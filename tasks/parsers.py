"""Request bodies within limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from tasks.problems import TooLarge


class BoundedJSONParser(BaseParser):
    """JSON of at most MAX_JSON_BYTES, refused by its length before it is read; NaN and Infinity are not JSON."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        body = stream.read(settings.MAX_JSON_BYTES + 1)
        if len(body) > settings.MAX_JSON_BYTES:
            raise TooLarge(f"A JSON body has at most {settings.MAX_JSON_BYTES} bytes; send a larger file as multipart.")
        try:
            return json.loads(body, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not JSON: {error}") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
