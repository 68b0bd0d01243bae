"""The job resource as its owner meets it."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import InterfaceError, OperationalError, connection
from django.test import Client
from django.utils import timezone

from fitsize.models import User
from tasks import runs
from tasks.errors import Code
from tasks.models import Job, Priority, SavedFile
from tasks.models.queue import JobQuerySet
from tasks.transitions import AHEAD, statement
from tests.conftest import client_of
from tests.fakes.inference.model import FakeModel
from tests.pictures import base64_of, picture
from tests.tasks.jobs import ME, claimed, fresh, submit, upload

pytestmark = pytest.mark.django_db


def saved_by(client: Client, text: str) -> dict[str, Any]:
    """An ended job that saved a file."""
    answer = client.post("/api/v1/fakes/save", {"text": text}, content_type="application/json")
    runs.run_jobs("fakes")
    job: dict[str, Any] = client.get(answer["Location"]).json()
    return job


def test_a_submit_answers_at_once_with_the_job_and_its_address(client: Client) -> None:
    answer = client.post("/api/v1/fakes/echo", {"text": "x"}, content_type="application/json")
    job = answer.json()
    assert (answer.status_code, answer["Location"], answer["Retry-After"]) == (202, f"/api/v1/jobs/{job['id']}", "1")
    assert (job["state"], job["queue_position"], job["attempts"]) == ("queued", 1, 0)


@pytest.mark.parametrize("prefix", ["", "data:image/jpeg;base64,", "data:;base64,"])
def test_a_file_is_taken_as_multipart_or_base64(client: Client, worker: FakeModel, prefix: str) -> None:
    content = picture()
    sent = [
        client.post("/api/v1/fakes/echo", {"image": SimpleUploadedFile("x", content)}),
        client.post("/api/v1/fakes/echo", {"image": prefix + base64_of(content)}, content_type="application/json"),
    ]
    runs.run_jobs("fakes")
    results = [client.get(answer["Location"]).json()["result"]["files"] for answer in sent]
    assert results == [{"image": len(content)}] * 2


def test_a_large_upload_is_stored_whole(client: Client, worker: FakeModel) -> None:
    content = picture("PNG") + bytes(3_000_000)
    answer = client.post("/api/v1/fakes/echo", {"image": SimpleUploadedFile("x", content)})
    runs.run_jobs("fakes")
    assert client.get(answer["Location"]).json()["result"]["files"] == {"image": len(content)}


def test_a_saved_file_is_served_to_its_owner_and_cannot_run_script(client: Client, stranger: User, worker: FakeModel) -> None:
    job = saved_by(client, "hello")
    [saved] = job["files"]
    assert (saved["name"], saved["content_type"], saved["size"]) == ("note.txt", "text/plain", 5)
    answer: Any = client.get(saved["url"])
    assert b"".join(answer.streaming_content) == b"hello"
    assert answer["Content-Security-Policy"].startswith("sandbox")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert client_of(stranger).get(saved["url"]).status_code == 404


@pytest.mark.parametrize("name", ["other.txt", "%00", "..%2f..%2fsecret_key", "note.txt%00.jpg"])
def test_a_file_that_was_not_saved_is_not_found(client: Client, worker: FakeModel, name: str) -> None:
    job = saved_by(client, "hello")
    assert client.get(f"{job['links']['self']}/files/{name}").status_code == 404


def test_a_jobs_saved_file_may_be_anothers_input(client: Client, worker: FakeModel) -> None:
    job = saved_by(client, "seven..")
    answer = client.post("/api/v1/fakes/echo", {"file": job["files"][0]["url"]}, content_type="application/json")
    runs.run_jobs("fakes")
    assert client.get(answer["Location"]).json()["result"]["files"] == {"file": 7}


def test_a_saved_file_that_is_being_erased_may_not(client: Client, worker: FakeModel) -> None:
    job = saved_by(client, "seven..")
    default_storage.delete(SavedFile.objects.get().file)
    answer = client.post("/api/v1/fakes/echo", {"file": job["files"][0]["url"]}, content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "file")
    assert client.get(job["files"][0]["url"]).status_code == 404


def test_a_strangers_saved_file_may_not(client: Client, stranger: User, worker: FakeModel) -> None:
    job = saved_by(client, "secret")
    answer = client_of(stranger).post("/api/v1/fakes/echo", {"file": job["files"][0]["url"]}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_the_list_shows_ones_own_jobs_newest_first_in_pages(client: Client, owner: User, stranger: User) -> None:
    submit(stranger)
    jobs = [str(submit(owner).pk) for _ in range(3)]
    for age, job in enumerate(reversed(jobs)):
        Job.objects.filter(pk=job).update(created_at=timezone.now() - timedelta(seconds=age))
    first = client.get("/api/v1/jobs?limit=2").json()
    second = client.get(first["next"]).json()
    assert [job["id"] for job in first["results"] + second["results"]] == jobs[::-1]
    assert second["next"] is None


def test_a_broken_cursor_is_a_problem(client: Client) -> None:
    answer = client.get("/api/v1/jobs?cursor=nonsense")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_queued_job_is_canceled_with_200_and_a_running_one_with_202(client: Client, owner: User) -> None:
    queued = client.post(f"/api/v1/jobs/{submit(owner).pk}/cancel")
    assert (queued.status_code, queued.json()["state"]) == (200, "canceled")
    running = client.post(f"/api/v1/jobs/{claimed(owner).pk}/cancel")
    assert (running.status_code, running.json()["state"]) == (202, "running")


def test_the_position_counts_the_jobs_that_are_served_before(client: Client, owner: User) -> None:
    jobs = [submit(owner) for _ in range(3)]
    positions = [client.get(f"/api/v1/jobs/{job.pk}").json()["queue_position"] for job in jobs]
    assert positions == [1, 2, 3]


def test_the_position_counts_higher_priorities_first(client: Client, owner: User) -> None:
    waits = submit(owner, priority=Priority.BATCH)
    submit(owner, priority=Priority.BATCH)
    for _ in range(2):
        submit(owner, priority=Priority.INTERACTIVE)
    assert client.get(f"/api/v1/jobs/{waits.pk}").json()["queue_position"] == 3


def test_the_position_is_counted_no_further_than_its_cap(client: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.models.job_rows.POSITION_CAP", 2)
    jobs = [submit(owner) for _ in range(6)]
    assert client.get(f"/api/v1/jobs/{jobs[5].pk}").json()["queue_position"] == 4


def test_who_is_served_later_costs_the_position_nothing(owner: User) -> None:
    job = submit(owner)
    values: dict[str, Any] = {"kind": job.kind, "priority": job.priority, "turn": job.turn, "created_at": str(job.created_at), "cap": 1}
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' * (connection.vendor == 'sqlite')}{statement(AHEAD, connection.vendor)}", values)
        plan = " ".join(str(row) for row in cursor.fetchall())
    assert re.search(r"\(turn,created_at\)<|ROW\(turn, created_at\) <", plan), plan


def test_timings_tell_waiting_and_running_apart(client: Client, owner: User) -> None:
    job = claimed(owner)
    job.end("succeeded", result={})
    timings = client.get(f"/api/v1/jobs/{job.pk}").json()["timings_ms"]
    assert timings["queued"] >= 0
    assert timings["run"] >= 0


def test_a_route_of_a_kind_answers_for_its_own_jobs_alone(client: Client, owner: User) -> None:
    job = submit(owner, text="hey")
    assert client.get(f"/api/v1/jobs/{job.pk}/shout").json() == {"shout": "HEY"}
    Job.objects.filter(pk=job.pk).update(kind="faces")
    assert client.get(f"/api/v1/jobs/{job.pk}/shout").status_code == 404


def test_health_needs_no_key_and_tells_the_states_of_the_kinds(db: None) -> None:
    assert Client().get("/livez").json() == {"status": "alive"}
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["kinds"]["fakes"]) == (200, "down")


def test_storage_that_cannot_be_written_is_not_ready(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError("read-only")

    monkeypatch.setattr("tasks.health._write_and_delete", full)
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["checks"]) == (503, {"database": "ok", "storage": "failed"})


def test_an_upload_is_not_stored_under_its_name(client: Client, owner: User) -> None:
    client.post("/api/v1/fakes/echo", {"image": SimpleUploadedFile("../../evil.php", picture())})
    stored = Job.objects.get().inputs.get()
    assert "evil" not in stored.file
    assert stored.content_type == "image/jpeg"
    assert io.BytesIO(picture()).getbuffer().nbytes == stored.size


@pytest.mark.parametrize("error", [OperationalError("database is locked"), InterfaceError("connection already closed")])
def test_a_database_that_is_away_is_503_with_the_time_to_try_again(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def away(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(JobQuerySet, "submit", away)
    answer = client.post("/api/v1/fakes/echo", {"text": "x"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "unavailable", "5")
    assert "locked" not in answer.content.decode()


def post(client: Client, form: bool, **fields: Any) -> Any:
    return client.post("/api/v1/fakes/echo", fields) if form else client.post("/api/v1/fakes/echo", fields, content_type="application/json")


@pytest.mark.parametrize("form", [True, False])
def test_the_options_of_a_job_are_no_parameters_of_its_model(client: Client, form: bool) -> None:
    said: dict[str, Any] = {"expires_in": "60", "keep_input": "false"} if form else {"expires_in": 60, "keep_input": False}
    answer = post(client, form, text="x", priority="batch", **said)
    job = Job.objects.get()
    assert (job.parameters, job.priority, job.keep_input) == ({"text": "x"}, Priority.BATCH, False)
    assert abs(((job.expires_at or timezone.now()) - timezone.now()).total_seconds() - 60) < 30
    assert (answer.json()["priority"], answer.json()["expires_at"] is not None) == ("batch", True)


@pytest.mark.parametrize("form", [True, False])
def test_without_options_a_job_is_interactive_keeps_its_input_and_never_expires(client: Client, form: bool) -> None:
    post(client, form, text="x")
    job = Job.objects.get()
    assert (job.priority, job.keep_input, job.expires_at) == (Priority.INTERACTIVE, True, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("keep_input", 0), ("keep_input", 1), ("keep_input", "no"), ("keep_input", None), ("expires_in", "60"), ("expires_in", True)],
)
def test_in_json_a_number_is_a_number_and_true_is_true(client: Client, name: str, value: object) -> None:
    answer = client.post("/api/v1/fakes/echo", {"text": "x", name: value}, content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, name)


@pytest.mark.parametrize(
    "wrong", [{"expires_in": "0"}, {"expires_in": "nan"}, {"expires_in": "9" * 30}, {"priority": "urgent"}, {"keep_input": "perhaps"}]
)
@pytest.mark.parametrize("form", [True, False])
def test_an_option_that_makes_no_sense_is_refused(client: Client, form: bool, wrong: dict[str, str]) -> None:
    answer = post(client, form, text="x", **wrong)
    assert (answer.status_code, answer.json()["errors"][0]["field"], Job.objects.count()) == (400, *wrong, 0)


def test_an_input_that_its_caller_does_not_want_kept_goes_with_the_end(client: Client, owner: User, own_files: Any) -> None:
    submit(owner, uploads={"file": upload()}, keep_input=False)
    job = Job.objects.claim("fakes", ME)
    assert job is not None
    job.fail(Code.TIMEOUT, "")
    assert fresh(job).inputs_kept is False
    assert client.post(f"/api/v1/jobs/{job.pk}/retry").json()["code"] == "input_gone"


def test_a_failed_job_is_queued_again_by_its_owner_alone(client: Client, owner: User, stranger: User) -> None:
    job = claimed(owner)
    job.fail(Code.TIMEOUT, "")
    assert client_of(stranger).post(f"/api/v1/jobs/{job.pk}/retry").status_code == 404
    answer = client.post(f"/api/v1/jobs/{job.pk}/retry")
    assert (answer.status_code, answer.json()["state"], answer.json()["error"]) == (202, "queued", None)
    again = client.post(f"/api/v1/jobs/{job.pk}/retry")
    assert (again.status_code, again.json()["code"]) == (409, "not_retryable")


def test_an_erased_job_is_gone_in_every_way(client: Client, worker: FakeModel) -> None:
    job = saved_by(client, "hello")
    assert client.delete(job["links"]["self"]).status_code == 204
    for address in (job["links"]["self"], job["files"][0]["url"]):
        answer = client.get(address)
        assert (answer.status_code, answer.json()["code"]) == (410, "gone")
    assert client.delete(job["links"]["self"]).status_code == 410
    assert client.post(job["links"]["cancel"]).status_code == 410


def test_a_strangers_job_cannot_be_erased(client: Client, stranger: User) -> None:
    job = submit(stranger)
    assert client.delete(f"/api/v1/jobs/{job.pk}").status_code == 404
    assert fresh(job).erased_at is None


def test_a_job_that_has_not_changed_is_not_sent_again(client: Client, owner: User) -> None:
    job = claimed(owner)
    first = client.get(f"/api/v1/jobs/{job.pk}")
    again = client.get(f"/api/v1/jobs/{job.pk}", headers={"if-none-match": f'"other", {first["ETag"]}'})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    job.end("succeeded", result={})
    assert client.get(f"/api/v1/jobs/{job.pk}", headers={"if-none-match": first["ETag"]}).json()["state"] == "succeeded"


def test_the_tag_changes_with_the_step_and_not_with_the_fraction(client: Client, owner: User) -> None:
    job = claimed(owner)
    tags = []
    for fraction, step in ((0.1, "reading"), (0.2, "reading"), (0.3, "counting")):
        Job.objects.filter(pk=job.pk).update(progress=fraction, progress_step=step)
        tags.append(client.get(f"/api/v1/jobs/{job.pk}")["ETag"])
    assert (tags[0] == tags[1], tags[1] == tags[2]) == (True, False)


@pytest.mark.parametrize("header", ["*", "nonsense", '"open', "W/"])
def test_any_tag_that_a_client_may_think_of_has_an_answer(client: Client, owner: User, header: str) -> None:
    answer = client.get(f"/api/v1/jobs/{submit(owner).pk}", headers={"if-none-match": header})
    assert answer.status_code == (304 if header == "*" else 200)


def listed(client: Client, **query: str) -> list[str]:
    answer = client.get("/api/v1/jobs", query)
    assert answer.status_code == 200, answer.content
    return [job["id"] for job in answer.json()["results"]]


def test_a_list_shows_what_was_asked_for(client: Client, owner: User) -> None:
    running, refused, queued = claimed(owner, "sleep"), claimed(owner, "refuse"), submit(owner)
    refused.fail(Code.NO_FACE, "")
    Job.objects.filter(pk=running.pk).update(created_at=timezone.now() - timedelta(hours=2))
    everything = {str(job.pk) for job in Job.objects.all()}
    assert set(listed(client, kind="fakes", created_after="2020-01-01T00:00:00Z")) == everything
    assert listed(client, state="failed,canceled") == [str(refused.pk)]
    assert listed(client, operation="sleep") == [str(running.pk)]
    assert listed(client, created_before=(timezone.now() - timedelta(hours=1)).isoformat()) == [str(running.pk)]
    assert listed(client, kind="faces") == []
    assert str(queued.pk) in listed(client, state="queued,running")


@pytest.mark.parametrize(
    "query",
    ["stat=failed", "state=done", "created_after=yesterday", "limit=0", "limit=1000", "limit=many", "state=", "created_before=9999-99"],
)
def test_a_filter_that_makes_no_sense_is_refused(client: Client, query: str) -> None:
    answer = client.get(f"/api/v1/jobs?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, query.partition("=")[0])


def test_the_pages_of_a_filtered_list_keep_the_filter(client: Client, owner: User) -> None:
    for number in range(4):
        submit(owner, "echo" if number % 2 else "sleep")
    first = client.get("/api/v1/jobs?operation=sleep&limit=1").json()
    second = client.get(first["next"]).json()
    assert [page["results"][0]["operation"] for page in (first, second)] == ["sleep", "sleep"]
    assert second["next"] is None
