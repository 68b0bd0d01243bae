"""Another number of speakers, answered from what was heard before: a job of its own beside the first one."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from diarization.inference.model import DiarizationModel
from diarization.serializers import PredictResultSerializer
from fitsize.models import User
from tasks.models import Job
from tests.conftest import client_of
from tests.diarization.hearing import Hearing, hearing, work
from tests.diarization.sounds import tone, wav
from tests.tasks.jobs import play_child

__all__ = ["hearing"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(client: Client, hearing: Hearing) -> str:
    """The address of a job that has heard a recording."""
    answer = client.post("/api/v1/diarization", {"audio": SimpleUploadedFile("call.wav", wav(tone(1)))})
    work()
    return str(answer["Location"])


def recluster(client: Client, url: str, headers: dict[str, str] | None = None, /, **asked: int) -> Any:
    return client.post(f"{url}/recluster", asked, content_type="application/json", headers=headers or {})


def ended(client: Client, answer: Any) -> dict[str, Any]:
    work()
    job: dict[str, Any] = client.get(answer["Location"]).json()
    return job


def test_another_number_is_answered_beside_the_first_result(client: Client, heard: str, hearing: Hearing) -> None:
    before = client.get(heard).json()
    assert before["links"]["recluster"] == f"{heard}/recluster"
    answer = recluster(client, heard, num_speakers=3)
    assert (answer.status_code, answer.json()["operation"]) == (202, "recluster")
    job = ended(client, answer)
    assert (job["state"], job["result"]["asked"]["num_speakers"]) == ("succeeded", 3)
    assert job["result"]["reclustered_from"] == before["id"] != job["id"]
    assert hearing.calls[-1] == ("recluster", {"num_speakers": 3, "heard": b"voices of RIFF"})
    assert client.get(heard).json() == before


def test_nothing_need_be_known_of_the_number(client: Client, heard: str) -> None:
    assert ended(client, recluster(client, heard))["state"] == "succeeded"


def test_one_that_was_reclustered_is_reclustered_from_what_was_heard(client: Client, heard: str, hearing: Hearing) -> None:
    second = ended(client, recluster(client, heard, num_speakers=3))
    third = ended(client, recluster(client, f"/api/v1/jobs/{second['id']}", max_speakers=2))
    assert third["result"]["reclustered_from"] == heard.rpartition("/")[2]
    assert hearing.calls[-1][1] == {"max_speakers": 2, "heard": b"voices of RIFF"}


@pytest.mark.parametrize("asked", [{"num_speakers": 0}, {"num_speakers": 2, "min_speakers": 1}, {"min_speakers": 3, "max_speakers": 2}])
def test_a_number_that_makes_no_sense_is_refused(client: Client, heard: str, asked: dict[str, int]) -> None:
    assert recluster(client, heard, **asked).status_code == 400


def test_channels_apart_are_no_matter_of_telling_apart(client: Client, hearing: Hearing) -> None:
    fields = {"audio": SimpleUploadedFile("call.wav", wav(tone(1))), "channels": "separate"}
    job = ended(client, client.post("/api/v1/diarization", fields))
    assert job["state"] == "succeeded" and "recluster" not in job["links"]
    assert recluster(client, job["links"]["self"]).json()["code"] == "not_reclusterable"


def test_nobody_elses_job_is_there(heard: str, stranger: User) -> None:
    assert recluster(client_of(stranger), heard).status_code == 404
    assert recluster(client_of(stranger), f"/api/v1/jobs/{uuid4()}").status_code == 404


def test_a_job_of_another_kind_has_no_speakers(client: Client, owner: User) -> None:
    job = Job.objects.create(owner=owner, kind="keypoints", operation="predict", state="succeeded", deadline_seconds=1)
    assert recluster(client, f"/api/v1/jobs/{job.pk}").status_code == 404


def test_a_job_that_has_not_succeeded_is_refused(client: Client, hearing: Hearing) -> None:
    answer = client.post("/api/v1/diarization", {"audio": SimpleUploadedFile("call.wav", wav(tone(1)))})
    refused = recluster(client, answer["Location"])
    assert (refused.status_code, refused.json()["code"]) == (409, "not_reclusterable")


def test_an_erased_job_is_gone_and_what_was_heard_with_it(
    client: Client, heard: str, own_files: Path, django_capture_on_commit_callbacks: Any
) -> None:
    second = ended(client, recluster(client, heard, num_speakers=3))
    with django_capture_on_commit_callbacks(execute=True):
        client.delete(heard)
    assert recluster(client, heard).status_code == 410
    assert list((own_files / "saved").rglob("*-*/*")) == []
    refused = recluster(client, f"/api/v1/jobs/{second['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_reclusterable")


def test_what_was_heard_may_go_before_the_job_runs(client: Client, heard: str) -> None:
    answer = recluster(client, heard)
    client.delete(heard)
    job = ended(client, answer)
    assert (job["state"], job["error"]["code"]) == ("failed", "input_gone")


def test_without_the_key_that_it_was_sealed_under_it_is_gone(client: Client, heard: str, settings: Settings) -> None:
    answer = recluster(client, heard)
    settings.SEAL_KEYS = {"another": b"x" * 32}
    assert ended(client, answer)["error"]["code"] == "input_gone"


def test_voices_lie_nowhere_as_they_are(heard: str, own_files: Path) -> None:
    assert all(b"voices of" not in path.read_bytes() for path in own_files.rglob("*") if path.is_file())


def test_what_was_heard_is_neither_listed_nor_served(client: Client, heard: str) -> None:
    assert client.get(heard).json()["files"] == []
    assert client.get(f"{heard}/files/heard").status_code == 404


def test_the_same_key_makes_one_job_and_never_one_of_another_recording(client: Client, heard: str) -> None:
    headers = {"idempotency-key": "once"}
    first, second = (recluster(client, heard, headers, num_speakers=2).json()["id"] for _ in range(2))
    assert first == second
    other = client.post("/api/v1/diarization", {"audio": SimpleUploadedFile("call.wav", wav(tone(1)))})["Location"]
    work()
    refused = recluster(client, other, headers, num_speakers=2)
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")


def test_a_key_without_the_scope_may_not(owner: User, heard: str) -> None:
    assert recluster(client_of(owner, ["faces"]), heard).status_code == 403


@pytest.fixture
def real(model: DiarizationModel, monkeypatch: pytest.MonkeyPatch) -> DiarizationModel:
    """This process plays the child that holds the real model."""
    play_child(monkeypatch, model, "diarization@here")
    return model


@pytest.mark.slow
@pytest.mark.usefixtures("real")
def test_two_people_are_one_if_asked_and_their_voices_lie_nowhere(client: Client, sample_path: Path, own_files: Path) -> None:
    reference = SimpleUploadedFile("call.rttm", sample_path.with_suffix(".rttm").read_bytes())
    audio = SimpleUploadedFile("call.wav", sample_path.read_bytes())
    fields = {"audio": audio, "reference": reference, "num_speakers": 2, "keep_input": "false"}
    first = ended(client, client.post("/api/v1/diarization", fields))
    again = ended(client, recluster(client, first["links"]["self"], num_speakers=1))
    assert (first["result"]["num_speakers_found"], again["result"]["num_speakers_found"]) == (2, 1)
    assert again["result"]["reclustered_from"] == first["id"] and first["result"]["reclustered_from"] is None
    for job in (first, again):
        form = PredictResultSerializer(data=job["result"])
        assert form.is_valid() and form.validated_data == job["result"], form.errors
    stored = [path.read_bytes() for path in (own_files / "saved").rglob("*") if path.is_file()]
    assert stored and not any(b"NUMPY" in content or content.startswith(b"PK") for content in stored)
