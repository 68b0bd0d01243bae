"""The description is complete, valid, and what the service does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, path
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from pytest_django import Settings
from rest_framework.request import Request
from rest_framework.response import Response

from fitsize.models import User
from tasks import runs
from tasks.errors import Code
from tasks.health import OpenView
from tasks.kinds import kinds, scopes
from tasks.models import Job, SavedFile
from tasks.openapi.documents import Example, JobSerializer, result_serializer
from tests.conftest import client_of
from tests.fakes.inference.model import FakeModel
from tests.tasks.jobs import claimed, submit

NOT_DESCRIBED = ("/admin", "/metrics")
"""What addresses begin with that are no part of the API."""
LOGINS = {"/api/v1/users/register", "/api/v1/users/login"}
OPERATIONS = [(kind.name, name) for kind in kinds().values() for name, operation in kind.operations.items() if operation.result]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for address, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield address, method, operation


def addresses(entries: Any, before: str = "/") -> Iterator[tuple[str, Any]]:
    for entry in entries:
        text = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield plain(text), entry.callback
        else:
            yield from addresses(entry.url_patterns, text)


def plain(pattern: str) -> str:
    pattern = re.sub(r"\(\?P<(\w+)>.*?\)(?=/|\$$)", r"{\1}", pattern)
    return re.sub(r"<\w+:(\w+)>", r"{\1}", pattern).replace("^", "").removesuffix("$").replace("{pk}", "{id}")


def test_the_description_is_made_without_a_warning_and_is_valid(schema: dict[str, Any]) -> None:
    GENERATOR_STATS.reset()
    fresh = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    assert not GENERATOR_STATS
    assert fresh["openapi"] == "3.1.0"
    validate_schema(fresh)  # type: ignore[no-untyped-call]


class SilentView(OpenView):
    descriptions = {}

    def get(self, request: Request) -> Response:
        return Response()


def test_a_view_that_describes_nothing_is_a_warning() -> None:
    GENERATOR_STATS.reset()
    SchemaGenerator(patterns=[path("silent", SilentView.as_view())]).get_schema(public=True)  # type: ignore[no-untyped-call]
    assert GENERATOR_STATS
    GENERATOR_STATS.reset()


def test_every_address_and_method_is_described(schema: dict[str, Any]) -> None:
    found = {
        (address, method.lower())
        for address, view in addresses(get_resolver().url_patterns)
        if not address.startswith(NOT_DESCRIBED)
        for method in view.view_class().allowed_methods
        if view.view_class.schema is not None  # an old client's
    }
    described = {(address, method) for address, method, _ in operations(schema)}
    assert {entry for entry in found if entry[1] not in ("head", "options")} == described


def test_every_operation_has_a_name_a_tag_and_a_summary_of_its_own(schema: dict[str, Any]) -> None:
    named = [(operation["operationId"], operation["summary"], operation["tags"]) for _, _, operation in operations(schema)]
    assert len({name for name, _, _ in named}) == len(named)
    assert all(name and summary and tags[0] for name, summary, tags in named)


def test_every_code_is_in_the_description(schema: dict[str, Any]) -> None:
    codes = {str(code) for code in Code}
    assert set(schema["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]) == codes
    assert set(schema["components"]["examples"]) == codes
    assert all(f"| `{code}` |" in schema["components"]["schemas"]["Problem"]["description"] for code in codes)


def test_only_what_needs_no_key_says_so(schema: dict[str, Any]) -> None:
    open_to_all = {address for address, _, operation in operations(schema) if not operation.get("security")}
    keyless = {"/api/v1/", "/api/v1/keypoints/sheet", "/api/v1/faces/erasures/key", "/livez", "/readyz", "/api/schema", "/api/docs"}
    assert open_to_all == keyless | LOGINS


def test_a_submit_says_what_it_takes_and_what_comes_of_it(schema: dict[str, Any]) -> None:
    operation = schema["paths"]["/api/v1/faces/verify"]["post"]
    assert operation["operationId"] == "submitFacesVerify"
    content = operation["requestBody"]["content"]
    assert content["multipart/form-data"]["schema"]["properties"]["selfie"]["format"] == "binary"
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/FacesVerifyRequest"}
    job = schema["components"]["schemas"]["FacesVerifyJob"]["properties"]
    assert (job["kind"]["enum"], job["operation"]["enum"]) == (["faces"], ["verify"])
    assert job["result"]["oneOf"][0] == {"$ref": "#/components/schemas/FacesVerifyResult"}
    assert {"Retry-After"} <= set(operation["responses"]["429"]["headers"])


def test_what_refuses_unknown_fields_says_so_and_its_parts_too(schema: dict[str, Any]) -> None:
    shapes = schema["components"]["schemas"]
    strict = {name for name, shape in shapes.items() if shape.get("additionalProperties") is False}
    assert {"KeypointsPredictRequest", "FacesVerifyRequest", "DiarizationPredictRequest", "KeypointsMove", "KeypointsPlace"} <= strict
    assert {"DiarizationReclusterRequest", "DiarizationCorrection", "DiarizationMerge", "DiarizationSplit"} <= strict


def test_a_text_that_may_not_be_blank_says_so_unless_it_says_more(schema: dict[str, Any]) -> None:
    shapes = schema["components"]["schemas"]
    assert shapes["FitsizeLogin"]["properties"]["username"]["pattern"] == r"[^\s\x1c-\x1f\x85]"
    assert "pattern" not in shapes["FitsizeLogin"]["properties"]["password"]  # spaces count there
    assert shapes["FitsizeRegister"]["properties"]["username"]["pattern"] == r"^[\w.@+-]+$"


def test_a_list_of_objects_says_how_many_it_needs(schema: dict[str, Any]) -> None:
    assert schema["components"]["schemas"]["KeypointsMove"]["properties"]["points"]["minItems"] == 1


def test_the_job_that_is_described_is_the_job_that_is_answered(client: Client, owner: User) -> None:
    described = set(JobSerializer().fields)
    assert set(client.get(f"/api/v1/jobs/{submit(owner).pk}").json()) == described
    assert set(Example.queued("fakes", "echo")) == described


@pytest.mark.django_db
def test_every_state_of_a_job_is_valid_for_its_serializer(client: Client, owner: User, worker: FakeModel) -> None:
    submit(owner, "save", text="x"), submit(owner, "refuse"), submit(owner)
    runs.run_jobs("fakes")
    claimed(owner)
    for job in Job.objects.all():
        answer = client.get(f"/api/v1/jobs/{job.pk}").json()
        form = JobSerializer(data=answer)
        assert form.is_valid(), (answer, form.errors)


@pytest.mark.parametrize(("kind", "operation"), OPERATIONS)
def test_the_example_of_a_result_is_valid_for_its_serializer(kind: str, operation: str) -> None:
    serializer: Any = result_serializer(kind, operation)
    form = serializer(data=serializer.example)
    assert form.is_valid(), form.errors
    assert set(form.validated_data) == set(serializer.example)


def heard(owner: User) -> Job:
    """A job whose recording was heard: its speakers may be told apart anew."""
    job = Job.objects.create(owner=owner, kind="diarization", operation="predict", state="succeeded", deadline_seconds=60)
    SavedFile.objects.create(job=job, name="heard", file="saved/heard", size=1, private=True, sealed=True)
    return job


@pytest.mark.django_db
def test_the_example_of_each_submit_is_accepted(owner: User, settings: Settings, schema: dict[str, Any]) -> None:
    settings.FACE_LANDMARKS = 68  # a challenge needs them
    settings.FACES_IDENTIFY, settings.FACES_IDENTIFY_PURPOSE = True, "a test"
    client = client_of(owner, scopes())
    posts = [(address, said) for address, _, said in operations(schema) if said["operationId"].startswith("submit")]
    submits = [(address, said["requestBody"]) for address, said in posts if "fakes" not in address]
    assert len(submits) == len(OPERATIONS)
    for address, body in submits:
        address = address.replace("{id}", str(heard(owner).pk))
        [example] = body["content"]["application/json"]["examples"].values()
        answer = client.post(address, example["value"], content_type="application/json")
        assert answer.status_code == 202, answer.content


def test_the_description_is_served_to_anybody(db: None) -> None:
    answer = Client().get("/api/schema")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/vnd.oai.openapi+json")
    assert json.loads(answer.content)["openapi"] == "3.1.0"
