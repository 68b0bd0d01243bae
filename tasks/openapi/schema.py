"""The OpenAPI description, made of `descriptions` and serializers. A view without one is a warning, and the tests let none pass."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from drf_spectacular.drainage import warn
from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from tasks.errors import FACTS, Code, document
from tasks.fields import FileInputField, of_files
from tasks.models import State
from tasks.openapi.descriptions import Answer, Description, Shape
from tasks.openapi.documents import Example, ProblemSerializer, job_serializers, patch_serializers
from tasks.problems import MEDIA_TYPE
from tasks.serializers import StrictSerializer, SubmitSerializer
from tasks.webhooks.guard import LONGEST_URL

JSON = "application/json"
FORM = "multipart/form-data"
Schema = dict[str, Any]
ALWAYS = (Code.INVALID_REQUEST, Code.INTERNAL_ERROR, Code.UNAVAILABLE)
OF_A_BODY = (Code.TOO_LARGE, Code.REQUEST_TIMEOUT, Code.UNSUPPORTED_MEDIA_TYPE)
REQUEST_HEADERS: dict[str, Schema] = {
    "Prefer": {
        "schema": {"type": "string"},
        "description": "`wait=20` (RFC 7240): answer as soon as the job ends, or after so many seconds; 30 at most.",
        "example": "wait=20",
    },
    "If-None-Match": {"schema": {"type": "string"}, "description": "The `ETag` of the job as the client knows it."},
    "If-Match": {
        "schema": {"type": "string"},
        "description": "The `ETag` of the corrections that this one was made from.",
        "example": '"0"',
    },
    "Idempotency-Key": {
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
        "description": "The client's own; the same request under the same key makes no second job for 24 hours.",
    },
}
RESPONSE_HEADERS: dict[str, Schema] = {
    "Location": {"schema": {"type": "string"}, "description": "The job's address."},
    "Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}, "description": "Seconds until it makes sense to ask again."},
    "ETag": {"schema": {"type": "string"}, "description": "Weak; changes with the job's state, attempt and step."},
    "Preference-Applied": {"schema": {"type": "string"}, "description": "How long was waited: `wait=20`."},
    "Cache-Control": {"schema": {"type": "string"}},
    "Vary": {"schema": {"type": "string"}},
    "RateLimit": {"schema": {"type": "string"}, "description": "What is left (draft-ietf-httpapi-ratelimit-headers)."},
    "RateLimit-Policy": {"schema": {"type": "string"}, "description": "The limits of this key; none for a key without."},
    "WWW-Authenticate": {"schema": {"type": "string"}},
    "Content-Disposition": {"schema": {"type": "string"}},
}
ALWAYS_SENT = ("Location", "ETag", "Cache-Control")
HEADERS_OF_STATUS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}
ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
    "example": Example.ID,
}
IN_JSON = "In JSON: base64, with or without a `data:` prefix, or the address of a file that a job of one's own has saved."
NOT_BLANK = r"[^\s\x1c-\x1f\x85]"  # what Python strips beside JavaScript's spaces
LAST = ("jobs", "service")  # of the tags: what is submitted comes first
NAMELESS = Description(name="", tag="", summary="", answers={})


class HouseSchema(AutoSchema):
    """Describes a method of a view by the view's `descriptions`."""

    @property
    def described(self) -> Description:
        found = getattr(self.view, "descriptions", {}).get(self.method)
        if found is None:
            warn(f"{type(self.view).__name__} does not describe {self.method}")
            return NAMELESS
        return found if isinstance(found, Description) else found(self.view)

    def get_operation_id(self) -> str:
        return self.described.name

    def get_summary(self) -> str:
        return self.described.summary

    def get_description(self) -> str:  # type: ignore[override]  # as in the framework's own
        return self.described.text

    def get_tags(self) -> list[str]:
        return [self.described.tag]

    def get_auth(self) -> list[Schema]:
        return [{"apiKey": []}] if self.view.get_authenticators() else []

    def _get_parameters(self) -> list[Schema]:
        return self._path_parameters() + self._query_parameters() + self._header_parameters()

    def _path_parameters(self) -> list[Schema]:
        names = [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
        others: list[Schema] = self._resolve_path_parameters([name for name in names if name != "id"])  # type: ignore[no-untyped-call]
        return [ID] * ("id" in names) + others

    def _query_parameters(self) -> list[Schema]:
        if not self.described.query:
            return []
        shape = self._map_serializer(self.described.query, "request")
        required = shape.get("required", [])
        return [query_parameter(name, schema, name in required) for name, schema in shape["properties"].items()]

    def _header_parameters(self) -> list[Schema]:
        return [{"name": name, "in": "header", "required": False, **REQUEST_HEADERS[name]} for name in self.described.headers]

    # -- the request
    def _get_request_body(self, direction: Any = "request") -> Schema | None:
        if not self.described.request:
            return None
        media = [str(parser.media_type) for parser in self.view.get_parsers()]
        content = {name: self._form() if name == FORM else self._json() for name in media}
        return {"required": True, "content": content}

    def _json(self) -> Schema:
        shape: Any = self.described.request
        examples = {"examples": {"example": {"value": shape.example}}} if hasattr(shape, "example") else {}
        return {"schema": self.resolve_serializer(shape, "request").ref, **examples}

    def _form(self) -> Schema:
        """The same fields, the files as they are; a form has no null."""
        shape: Any = self.described.request
        schema = {**self.resolve_serializer(shape, "request").schema}
        files = {name for name, field in shape().fields.items() if of_files(field)}
        schema["properties"] = {name: binary(value) if name in files else never_null(value) for name, value in schema["properties"].items()}
        return {"schema": schema}

    # -- the answers
    def _get_response_bodies(self, direction: Any = "response") -> Schema:
        answers = {str(status): self._answer(answer) for status, answer in self.described.answers.items()}
        for status, codes in self._problems().items():
            problem = self._problem(status, codes)
            if str(status) in answers:
                answers[str(status)]["content"] |= problem["content"]
            else:
                answers[str(status)] = problem
        return dict(sorted(answers.items()))

    def _answer(self, answer: Answer) -> Schema:
        said: Schema = {"description": answer.summary}
        if answer.headers:
            said["headers"] = {name: {**RESPONSE_HEADERS[name], "required": name in ALWAYS_SENT} for name in answer.headers}
        if isinstance(answer.shape, str):
            said["content"] = {name: {"schema": {}} for name in (answer.shape, *answer.media)}
        elif answer.shape:
            shape: Any = answer.shape
            examples = {name: {"value": value} for name, value in answer.examples.items()}
            body = {"schema": self.resolve_serializer(shape, "response").ref}
            said["content"] = {JSON: body | ({"examples": examples} if examples else {})} | {name: {"schema": {}} for name in answer.media}
        return said

    def _problems(self) -> dict[int, list[Code]]:
        """The codes that this method may answer, by their status."""
        codes = {*ALWAYS, *self.described.codes, *file_codes(self.described.request)}
        if self.view.get_authenticators():
            codes.add(Code.UNAUTHENTICATED)
        if self.described.request:
            codes.update(OF_A_BODY)
        found: dict[int, list[Code]] = defaultdict(list)
        for code in sorted(codes):
            found[FACTS[code].status].append(code)
        return found

    def _problem(self, status: int, codes: list[Code]) -> Schema:
        narrowed = {"type": "object", "properties": {"code": {"enum": [str(code) for code in codes]}}}
        said: Schema = {"description": "; ".join(FACTS[code].title for code in codes) + "."}
        if headers := HEADERS_OF_STATUS.get(status):
            said["headers"] = {name: {**RESPONSE_HEADERS[name], "required": True} for name in headers}
        problem = self.resolve_serializer(ProblemSerializer, "response").ref
        examples = {str(code): {"$ref": f"#/components/examples/{code}"} for code in codes}
        said["content"] = {MEDIA_TYPE: {"schema": {"allOf": [problem, narrowed]}, "examples": examples}}
        return said

    # -- names and shapes
    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """`KeypointsPredictResult`: the apps name their serializers alike."""
        shape = serializer if inspect.isclass(serializer) else type(serializer)
        name = shape.__name__.removesuffix("Serializer") + ("Request" if issubclass(shape, SubmitSerializer) else "")
        app = shape.__module__.partition(".")[0]
        return name if app == "tasks" else app.title() + name

    def _get_serializer_field_meta(self, field: Any, direction: Any) -> Schema:
        meta: Schema = super()._get_serializer_field_meta(field, direction)  # type: ignore[no-untyped-call]
        if isinstance(field, FileInputField):
            meta["description"] = f"{meta.get('description', '')} {IN_JSON}".strip()
        return meta

    def _map_serializer(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> Schema:
        schema: Schema = super()._map_serializer(serializer, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        shape = serializer if inspect.isclass(serializer) else type(serializer)
        if issubclass(shape, StrictSerializer):
            schema["additionalProperties"] = False
            complete(schema["properties"], shape().fields)
        return schema


class FileInputExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # registers itself
    """A file in a JSON body."""

    target_class = "tasks.fields.FileInputField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        return {"type": "string", "minLength": 1, "contentEncoding": "base64", "contentMediaType": self.target.media_type}


class WebhookUrlExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # registers itself
    target_class = "tasks.webhooks.serializers.WebhookUrlField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        return {"type": "string", "format": "uri", "pattern": "^https?://", "minLength": 9, "maxLength": LONGEST_URL}


class StatesExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # registers itself
    """Several words, separated by commas."""

    target_class = "tasks.serializers.StatesField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        return {"type": "array", "items": {"type": "string", "enum": State.values}, "minItems": 1}


class AnyPatchExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # registers itself
    """As one of the operations takes it."""

    target_class = "tasks.openapi.documents.AnyPatchSerializer"

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        return "Patch"

    def map_serializer(self, auto_schema: Any, direction: Any) -> Schema:
        shapes = [auto_schema.resolve_serializer(shape, "request").ref for shape in patch_serializers()]
        return {"anyOf": shapes} if shapes else {"type": "object", "additionalProperties": True}


class AnyJobExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # registers itself
    """One of the operations' jobs."""

    target_class = "tasks.openapi.documents.AnyJobSerializer"

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        return "Job"

    def map_serializer(self, auto_schema: Any, direction: Any) -> Schema:
        return {"oneOf": [auto_schema.resolve_serializer(shape, "response").ref for shape in job_serializers()]}


def query_parameter(name: str, schema: Schema, required: bool) -> Schema:
    said: Schema = {"name": name, "in": "query", "required": required}
    if description := schema.pop("description", ""):
        said["description"] = description
    if schema.get("type") == "array":
        said |= {"style": "form", "explode": False}
    return {**said, "schema": schema}


def binary(schema: Schema) -> Schema:
    """A file of a form, of a field's file in JSON; or several."""
    if "items" in schema:
        return {**schema, "items": binary(schema["items"])}
    return {"type": "string", "format": "binary", "minLength": 1, "contentMediaType": "application/octet-stream"} | {
        name: value for name, value in schema.items() if name == "description"
    }


def never_null(schema: Schema) -> Schema:
    return {**schema, "type": next(name for name in schema["type"] if name != "null")} if isinstance(schema.get("type"), list) else schema


def complete(properties: Schema, fields: Mapping[str, Any]) -> None:
    """What the framework does not say: texts that are stripped hold more than spaces, and lists of objects have a least length."""
    for name in properties.keys() & fields.keys():
        field = fields[name]
        if isinstance(field, serializers.CharField) and field.trim_whitespace and not field.allow_blank:
            properties[name].setdefault("pattern", NOT_BLANK)
        elif isinstance(field, serializers.ListSerializer) and (least := getattr(field, "min_length", 0)):  # the stubs lack it
            properties[name]["minItems"] = least


def file_codes(shape: Shape | None) -> set[Code]:
    """What the files of a request may be refused for."""
    fields = shape().fields.values() if shape and issubclass(shape, serializers.Serializer) else ()
    return {code for field in fields if (file := of_files(field)) for code in file.codes}


def finish(result: Schema, **_: Any) -> Schema:
    """A hook of drf-spectacular: the table of codes, and what the whole has in common."""
    rows = [f"| `{code}` | {facts.status} | {facts.title} | {'yes' if facts.retryable else ''} |" for code, facts in FACTS.items()]
    table = "\n".join(["| code | status | | retryable |", "|---|---|---|---|", *rows])
    problem = result["components"]["schemas"]["Problem"]
    problem["description"] = f"{problem.get('description', '')}\n\n{table}\n"
    result["info"]["description"] += (
        "\n\nEvery error is a problem document with a `code` for programs: `Problem`, among the schemas, lists them all."
    )
    tags = sorted({tag for methods in result["paths"].values() for operation in methods.values() for tag in operation["tags"]})
    result["tags"] = [{"name": tag} for tag in sorted(tags, key=LAST.__contains__)]
    drop_marks(result)
    result["components"]["examples"] = {str(code): {"value": document(code, "")} for code in Code}
    bearer = {"type": "http", "scheme": "bearer", "description": "An API key: `fitsize_...`, or the token of a login."}
    result["components"]["securitySchemes"] = {"apiKey": bearer}
    return result


def drop_marks(part: Any) -> None:
    """The framework's own marks on choices."""
    if isinstance(part, dict):
        part.pop("x-spec-enum-id", None)
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        drop_marks(inner)
