from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from PIL import ImageEnhance

from tasks import runs
from tasks.models import Job, State
from tests.faces.pictures import astronaut, file_of, two_astronauts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("child")]


def run(client: Client, route: str, **files: Any) -> Job:
    """The job of a request, run."""
    answer = client.post(reverse(route), files)
    assert answer.status_code == 202, answer.content
    runs.run_jobs("faces")
    return Job.objects.get(pk=answer.json()["id"])


@pytest.mark.django_db(transaction=True)
def test_a_submitted_selfie_is_validated_and_not_kept(client: Client, own_files: Path) -> None:
    job = run(client, "faces-validate", selfie=file_of(astronaut()))
    assert [path for path in own_files.rglob("*") if path.is_file()] == []
    assert job.state == State.SUCCEEDED and job.result is not None
    assert (job.kind, job.operation, job.parameters) == ("faces", "validate", {})
    assert job.result["verdict"] == "usable"


def test_two_submitted_photos_are_compared(client: Client) -> None:
    job = run(client, "faces-verify", selfie=file_of(astronaut()), reference=file_of(astronaut(), quality=60))
    assert job.state == State.SUCCEEDED and job.result is not None
    assert (job.units, job.result["verdict"]) == (2, "match")


def test_a_reference_with_several_faces_fails_the_job_by_name(client: Client) -> None:
    job = run(client, "faces-verify", selfie=file_of(astronaut()), reference=file_of(two_astronauts()))
    assert job.state == State.FAILED and job.error is not None
    assert job.error["code"] == "several_faces" and "'reference'" in job.error["detail"]


def test_a_comparison_needs_both_photos(client: Client) -> None:
    answer = client.post(reverse("faces-verify"), {"selfie": file_of(astronaut())})
    assert answer.status_code == 400 and "reference" in answer.content.decode()


def test_a_result_is_said_in_the_language_of_each_reader(client: Client) -> None:
    job = run(client, "faces-validate", selfie=file_of(ImageEnhance.Brightness(astronaut()).enhance(0.2)))
    english, french = (client.get(f"/api/v1/jobs/{job.pk}", headers={"accept-language": language}) for language in ("en", "fr"))
    assert english.json()["result"]["next_step"] == "Find more light; let it fall on your face."
    assert french.json()["result"]["next_step"] == "Trouvez plus de lumière, qui tombe sur votre visage."
    assert english["ETag"] != french["ETag"]
