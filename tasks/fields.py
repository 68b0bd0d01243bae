"""Serializer fields for files: an upload, base64 with or without a `data:` prefix, or a link to a saved file of one's own job."""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Callable
from typing import IO, Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from rest_framework import serializers

from tasks.errors import Code, InvalidInput
from tasks.languages import sentence, translated
from tasks.models import SavedFile
from tasks.sealing import Unreadable
from tasks.uploads import HEIC, PICTURE_TYPES, RECORDING_TYPES, Upload, picture, recording

LINK = re.compile(r"(?:https?://[^/]+)?/api/v1/jobs/(?P<job>[0-9a-f-]{36})/files/(?P<name>[\w.-]{1,80})")
DATA_PREFIX = re.compile(r"data:[\w.+/-]*(?:;[\w.+=-]+)*;base64,", re.IGNORECASE)


class FileInputField(serializers.Field[Upload, Any, Any, Any]):
    """A file of a request. Not a CharField: that walks every character of a base64 string in Python (1 ms per 40 KB)."""

    recognise: Callable[[IO[bytes], int], Upload]
    codes: ClassVar[tuple[Code, ...]] = (Code.INVALID_REQUEST, Code.INVALID_BASE64, Code.TOO_LARGE)
    """What it may be refused for."""
    media_type = "application/octet-stream"

    @property
    def most_bytes(self) -> int:
        raise NotImplementedError

    def limits(self) -> dict[str, Any]:
        """What a client may know before it sends a file."""
        return {"max_bytes": self.most_bytes}

    def to_internal_value(self, data: Any) -> Upload:
        try:
            file, size = self.opened(data)
            return self.recognised(file, size)
        except InvalidInput as refused:
            raise serializers.ValidationError(translated(refused.detail), code=refused.code) from None

    def recognised(self, file: IO[bytes], size: int) -> Upload:
        try:
            if size == 0:
                raise InvalidInput(Code.INVALID_REQUEST, "The file is empty.")
            return type(self).recognise(file, size)
        except InvalidInput:
            file.close()
            raise

    def opened(self, data: Any) -> tuple[IO[bytes], int]:
        if hasattr(data, "chunks"):
            self.check_size(data.size)
            return data, data.size
        if not isinstance(data, str):
            raise InvalidInput(Code.INVALID_REQUEST, "Send a file, a base64 string, or a link to a saved file of a job.")
        if link := LINK.fullmatch(data):
            return self.saved(link["job"], link["name"])
        content = self.decoded(data)
        return io.BytesIO(content), len(content)

    def decoded(self, text: str) -> bytes:
        if prefix := DATA_PREFIX.match(text[:200]):
            text = text[prefix.end() :]
        self.check_size(len(text) * 3 // 4 - 2)
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return self.decoded_with_lines(text)

    def decoded_with_lines(self, text: str) -> bytes:
        """MIME style: lines of 76 characters are base64 too."""
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise InvalidInput(Code.INVALID_BASE64, "This is not base64.") from None

    def saved(self, job: str, name: str) -> tuple[IO[bytes], int]:
        owner = self.context["request"].user
        try:
            found = SavedFile.objects.get(job_id=job, job__owner=owner, name=name, private=False)
            self.check_size(found.size)
            return found.open(), found.size
        except (SavedFile.DoesNotExist, ValidationError, FileNotFoundError, Unreadable):  # its job may be erased in this moment
            raise InvalidInput(Code.INVALID_REQUEST, "No job of yours has saved this file.") from None

    def check_size(self, size: int) -> None:
        if size > self.most_bytes:
            said = sentence("The file has %(bytes)s bytes; %(most)s are the limit.", bytes=size, most=self.most_bytes)
            raise InvalidInput(Code.TOO_LARGE, said)

    def to_representation(self, value: Any) -> None:
        raise TypeError("files are only sent, never shown")


class PictureField(FileInputField):
    """A JPEG, PNG, WebP or HEIC picture."""

    recognise = staticmethod(picture)
    codes = (*FileInputField.codes, Code.UNSUPPORTED_FORMAT, Code.INVALID_IMAGE, Code.TOO_MANY_PIXELS)
    media_type = "image/*"

    @property
    def most_bytes(self) -> int:
        return int(settings.MAX_PICTURE_BYTES)

    def limits(self) -> dict[str, Any]:
        return {**super().limits(), "max_pixels": settings.MAX_PICTURE_PIXELS, "media_types": sorted({HEIC, *PICTURE_TYPES.values()})}


class RecordingField(FileInputField):
    """A recording in any container that PyAV opens."""

    recognise = staticmethod(recording)
    codes = (*FileInputField.codes, Code.UNSUPPORTED_FORMAT, Code.TOO_LONG)
    media_type = "audio/*"

    @property
    def most_bytes(self) -> int:
        return int(settings.MAX_RECORDING_BYTES)

    def limits(self) -> dict[str, Any]:
        return {**super().limits(), "max_seconds": settings.DIARIZATION_MAX_SECONDS, "media_types": sorted(RECORDING_TYPES)}


class FilesField(serializers.ListField):
    """Several files under one name: repeated in a form, a list in JSON. A job has them as `photos_1`, `photos_2` and so on."""

    child: FileInputField

    @property
    def most_bytes(self) -> int:
        return self.child.most_bytes * int(self.max_length or 1)


def of_files(field: serializers.Field[Any, Any, Any, Any]) -> FileInputField | None:
    """The field of the files that this field takes; None for one that takes no file."""
    inner = field.child if isinstance(field, FilesField) else field
    return inner if isinstance(inner, FileInputField) else None
