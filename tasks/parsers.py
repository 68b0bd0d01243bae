"""Request bodies within limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, MultiPartParser

from tasks.problems import TooLarge

TAIL_BYTES = 512


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


class Tail:
    """A stream that remembers the end of what was read from it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.end = b""

    def read(self, size: int = -1) -> bytes:
        piece = self.stream.read(size)
        self.end = (self.end + piece[-TAIL_BYTES:])[-TAIL_BYTES:]
        return piece


class WholeMultiPartParser(MultiPartParser):
    """Multipart that has an end. Django takes half a body for a whole one, and half an upload would become a job.

    The files of a refused body are closed, and so deleted, at once: Django forgets the one that it was receiving, and an exception may live
    long.
    """

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        tail: Any = Tail(stream)
        try:
            parsed = super().parse(tail, media_type, parser_context)
        except Exception:
            for handler in (parser_context or {})["request"].upload_handlers:
                handler.upload_interrupted()
            raise
        boundary = parse_header_parameters(media_type or "")[1].get("boundary", "")
        if f"--{boundary}--".encode(errors="replace") not in tail.end:
            for _, files in parsed.files.lists():
                for file in files:
                    file.close()
            raise ParseError("The multipart body ends before its end.")
        return parsed


class OpaqueUploadHandler(TemporaryFileUploadHandler):
    """Large uploads in temporary files under names of ours: Django appends the extension that the client sent."""

    def new_file(self, *arguments: Any, **named: Any) -> None:
        super(TemporaryFileUploadHandler, self).new_file(*arguments, **named)
        self.file = TemporaryUploadedFile("upload", self.content_type, 0, self.charset, self.content_type_extra)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
