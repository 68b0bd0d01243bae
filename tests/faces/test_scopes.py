"""What a job says of people is for keys that may look at people: at submit, and whenever the job is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from fitsize.models import User
from tasks.kinds import kinds
from tasks.models import Job, SavedFile
from tests.conftest import client_of
from tests.faces.people import SCOPES, enrolled, numbers
from tests.faces.pictures import astronaut, file_of

pytestmark = pytest.mark.django_db
PERSON = {"person": "8f0c2d5e-6f0a-4c7e-9d52-0a3f1c7a4f10"}
ASKED: list[tuple[str, dict[str, Any], str]] = [
    ("identify", {"gallery": "default"}, "faces:read"),
    ("verify", PERSON, "faces:read"),
    ("enrol", {"gallery": "default", "name": "Ann"}, "faces:write"),
    ("bulk_enrol", {"gallery": "default"}, "faces:write"),
]


def ended(owner: User, operation: str, parameters: dict[str, Any]) -> Job:
    job = Job.objects.submit(owner_id=owner.pk, kind=kinds()["faces"], operation=operation, parameters=parameters, uploads={}, units=1.0)
    Job.objects.filter(pk=job.pk).update(state="succeeded", result={"person": "Eileen"})
    SavedFile.objects.create(name="photos_1.jpg", job=job, file="x", content_type="image/jpeg", size=3)
    return job


@pytest.mark.parametrize(("operation", "parameters", "scope"), ASKED, ids=lambda value: str(value)[:10])
@pytest.mark.parametrize("route", ["", "/files/photos_1.jpg", "/deliveries"])
def test_a_key_without_the_scope_does_not_read_the_job(
    owner: User, operation: str, parameters: dict[str, Any], scope: str, route: str
) -> None:
    job = ended(owner, operation, parameters)
    without = client_of(owner, ["faces", "operator", *({"faces:read", "faces:write"} - {scope})])
    answer = without.get(f"/api/v1/jobs/{job.pk}{route}")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden") and b"Eileen" not in answer.content
    assert client_of(owner, [scope]).get(f"/api/v1/jobs/{job.pk}").json()["result"] == {"person": "Eileen"}


@pytest.mark.parametrize(("method", "route"), [("post", "/cancel"), ("post", "/retry"), ("delete", "")])
def test_nor_does_it_change_it(owner: User, method: str, route: str) -> None:
    job = ended(owner, "identify", {"gallery": "default"})
    assert getattr(client_of(owner, ["faces"]), method)(f"/api/v1/jobs/{job.pk}{route}").status_code == 403
    assert Job.objects.get(pk=job.pk).result == {"person": "Eileen"}


def test_lists_leave_out_what_a_key_may_not_read(owner: User) -> None:
    for operation, parameters, _ in ASKED:
        ended(owner, operation, parameters)
    pictures = ended(owner, "verify", {})

    def listed(*scopes: str) -> list[str]:
        answer = client_of(owner, list(scopes)).get("/api/v1/jobs").json()
        return sorted(job["operation"] for job in answer["results"])

    assert listed("faces") == listed("keypoints") == ["verify"]
    assert listed("faces", "faces:read") == ["identify", "verify", "verify"]
    assert listed(*SCOPES) == ["bulk_enrol", "enrol", "identify", "verify", "verify"]
    assert client_of(owner, ["faces"]).get(f"/api/v1/jobs/{pictures.pk}").status_code == 200


def test_the_scope_is_asked_for_at_submit(owner: User) -> None:
    person = enrolled(owner, numbers(1))
    pictures = {"selfie": file_of(astronaut()), "person": person.pk}
    reader, writer = client_of(owner, ["faces:read"]), client_of(owner, ["faces", "faces:write"])
    assert writer.post(reverse("faces-verify"), pictures).status_code == 403
    assert reader.post(reverse("faces-enrol"), {}).status_code == 403
    assert writer.post(reverse("faces-enrol"), {}).status_code == 400
    assert writer.post(reverse("faces-import"), {}).status_code == 400


def test_a_person_at_a_page_reads_all(owner: User) -> None:
    job = ended(owner, "identify", {"gallery": "default"})
    page = APIClient()
    page.force_authenticate(owner)
    assert page.get(f"/api/v1/jobs/{job.pk}").status_code == 200
