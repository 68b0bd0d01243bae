"""What a method of a view takes and answers, as a client may read it. A view says so in its `descriptions`; it costs a request nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rest_framework.serializers import BaseSerializer

from tasks.errors import Code

Shape = type[BaseSerializer[Any]]


@dataclass(frozen=True)
class Answer:
    """`shape` is a serializer, the media type of an answer that is no JSON, or nothing where there is no body; `media` are other types that
    may be asked for."""

    summary: str
    shape: Shape | str | None = None
    headers: tuple[str, ...] = ()
    examples: Mapping[str, Any] = field(default_factory=dict)
    media: tuple[str, ...] = ()


@dataclass(frozen=True)
class Description:
    """`codes` are the problems that only this method has; those of every method, and of files in the request, are added.

    `headers` are those of the request; `query` holds its parameters.
    """

    name: str
    tag: str
    summary: str
    answers: Mapping[int, Answer]
    codes: tuple[Code, ...] = ()
    request: Shape | None = None
    query: Shape | None = None
    headers: tuple[str, ...] = ()
    text: str = ""


Descriptions = Mapping[str, Description | Callable[[Any], Description]]
"""By method; a function is asked with the view."""
