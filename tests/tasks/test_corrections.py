"""People correct a result; the model's own stays beside it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from fitsize.models import User
from tasks import corrections, retention
from tasks.errors import Refused
from tasks.models import Job, Revision
from tests.conftest import client_of
from tests.tasks.jobs import claimed, fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(owner: User) -> Job:
    spoken = claimed(owner, "speak")
    spoken.end("succeeded", result={"speakers": ["A", "B"]})
    return fresh(spoken)


def address(job: Job) -> str:
    return f"/api/v1/jobs/{job.pk}/corrections"


def rename(client: Client, job: Job, speaker: str, name: str, tag: str | None = '"0"', **more: Any) -> Any:
    headers = {} if tag is None else {"if-match": tag}
    body = {"speaker": speaker, "name": name, **more}
    return client.patch(address(job), body, content_type="application/json", headers=headers)


def undo(client: Client, job: Job, tag: str) -> Any:
    return client.post(f"{address(job)}/undo", headers={"if-match": tag})


def test_a_correction_stands_beside_the_models_own_result(client: Client, job: Job) -> None:
    answer = rename(client, job, "A", "Ann")
    assert (answer.status_code, answer["ETag"], answer.json()["result"]) == (200, '"1"', {"speakers": ["Ann", "B"]})
    shown = client.get(f"/api/v1/jobs/{job.pk}").json()
    assert (shown["result"], shown["revision"], shown["links"]["corrections"]) == ({"speakers": ["A", "B"]}, 1, address(job))


def test_the_history_tells_who_changed_what(client: Client, job: Job) -> None:
    rename(client, job, "A", "Ann")
    rename(client, job, "B", "Bob", '"1"')
    answer = client.get(address(job))
    assert (answer["ETag"], answer.json()["revision"], answer.json()["result"]) == ('"2"', 2, {"speakers": ["Ann", "Bob"]})
    first, second = answer.json()["history"]
    assert (first["number"], first["patch"], first["author"], first["undo"]) == (1, {"speaker": "A", "name": "Ann"}, "owner", False)
    assert second["number"] == 2


def test_a_result_that_nobody_corrected_is_the_models_own(client: Client, job: Job) -> None:
    answer = client.get(address(job))
    assert (answer["ETag"], answer.json()) == ('"0"', {"revision": 0, "result": {"speakers": ["A", "B"]}, "history": []})


@pytest.mark.parametrize("tag", [None, "*", "0"])
def test_a_correction_has_to_name_what_it_corrects(client: Client, job: Job, tag: str | None) -> None:
    answer = rename(client, job, "A", "Ann", tag)
    assert (answer.status_code, answer.json()["code"], Revision.objects.count()) == (428, "precondition_required", 0)


@pytest.mark.parametrize("tag", ['"1"', 'W/"0"', '"00"'])
def test_a_correction_of_what_is_no_more_is_refused(client: Client, job: Job, tag: str) -> None:
    answer = rename(client, job, "A", "Ann", tag)
    assert (answer.status_code, answer.json()["code"], Revision.objects.count()) == (412, "stale_revision", 0)


def test_of_two_who_read_the_same_revision_one_is_refused(owner: User, job: Job) -> None:
    mine, theirs = fresh(job), fresh(job)
    mine.correct({"speaker": "A", "name": "Ann"}, owner.pk)
    with pytest.raises(Refused) as refused:
        theirs.correct({"speaker": "A", "name": "Alma"}, owner.pk)
    assert (refused.value.code, [row.number for row in Revision.objects.all()]) == ("stale_revision", [1])


def test_who_reads_while_another_writes_reads_one_revision_as_a_whole(owner: User, job: Job) -> None:
    fresh(job).correct({"speaker": "A", "name": "Ann"}, owner.pk)
    reader = fresh(job)
    fresh(job).correct({"speaker": "B", "name": "Bob"}, owner.pk)
    assert (len(reader.history()), reader.corrected(reader.history())) == (1, {"speakers": ["Ann", "B"]})


def test_an_undo_is_a_further_revision(client: Client, job: Job) -> None:
    rename(client, job, "A", "Ann")
    rename(client, job, "B", "Bob", '"1"')
    assert undo(client, job, '"2"').json()["result"] == {"speakers": ["Ann", "B"]}
    assert undo(client, job, '"3"').json()["result"] == {"speakers": ["A", "B"]}
    answer = rename(client, job, "B", "Ben", '"4"')
    assert (answer.json()["result"], [row["undo"] for row in answer.json()["history"]]) == (
        {"speakers": ["A", "Ben"]},
        [False, False, True, True, False],
    )


def test_an_undo_has_to_name_what_it_undoes_too(client: Client, job: Job) -> None:
    rename(client, job, "A", "Ann")
    assert (undo(client, job, '"0"').status_code, undo(client, job, "*").status_code) == (412, 428)


def test_where_nothing_stands_there_is_nothing_to_take_back(client: Client, job: Job) -> None:
    answer = undo(client, job, '"0"')
    assert (answer.status_code, answer.json()["code"]) == (409, "not_correctable")


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"speaker": "C"}, ""),
        ({"name": "x" * 41}, "name"),
        ({"nickname": "x"}, "nickname"),
        ({"loudness": "nan"}, "loudness"),
        ({"name": ["x"]}, "name"),
    ],
)
def test_a_patch_that_does_not_fit_is_refused(client: Client, job: Job, patch: dict[str, Any], field: str) -> None:
    answer = client.patch(
        address(job), {"speaker": "A", "name": "Ann"} | patch, content_type="application/json", headers={"if-match": '"0"'}
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"], Revision.objects.count()) == (400, field, 0)


@pytest.mark.parametrize("body", ["[]", "7", "null", "{", r'{"speaker": "A", "name": "\ud800"}'])
def test_what_is_no_patch_at_all_is_refused(client: Client, job: Job, body: str) -> None:
    answer = client.patch(address(job), body, content_type="application/json", headers={"if-match": '"0"'})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_a_patch_has_a_limit_and_so_has_their_number(client: Client, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corrections, "MOST_PATCH_CHARACTERS", 40)
    assert rename(client, job, "A", "A" * 30).json()["code"] == "too_large"
    monkeypatch.setattr(corrections, "MOST_REVISIONS", 1)
    rename(client, job, "A", "Ann")
    assert rename(client, job, "B", "Bob", '"1"').json()["code"] == "not_correctable"


def test_only_a_result_can_be_corrected(client: Client, owner: User) -> None:
    running = claimed(owner, "speak")
    assert (client.get(address(running)).status_code, rename(client, running, "A", "Ann").json()["code"]) == (409, "not_correctable")


def test_where_a_kind_names_no_corrections_there_are_none(client: Client, owner: User) -> None:
    job = claimed(owner, "echo")
    job.end("succeeded", result={})
    assert (client.get(address(job)).status_code, rename(client, job, "A", "Ann").status_code) == (404, 404)
    assert "corrections" not in client.get(f"/api/v1/jobs/{job.pk}").json()["links"]


def test_a_stranger_corrects_nothing(stranger: User, job: Job) -> None:
    theirs = client_of(stranger)
    assert (theirs.get(address(job)).status_code, rename(theirs, job, "A", "Ann").status_code) == (404, 404)


def test_what_has_not_changed_is_not_sent_again_and_what_has_is(client: Client, job: Job) -> None:
    first, tag = client.get(address(job), headers={"if-none-match": '"0"'}), client.get(f"/api/v1/jobs/{job.pk}")["ETag"]
    assert (first.status_code, first["ETag"]) == (304, '"0"')
    rename(client, job, "A", "Ann")
    assert client.get(address(job), headers={"if-none-match": '"0"'}).status_code == 200
    assert client.get(f"/api/v1/jobs/{job.pk}", headers={"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize("by", ["its owner", "age"])
def test_erasing_a_job_erases_its_revisions(client: Client, job: Job, by: str) -> None:
    rename(client, job, "A", "Ann")
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(days=31))
    client.delete(f"/api/v1/jobs/{job.pk}") if by == "its owner" else retention.erase_old_jobs()
    assert (Revision.objects.count(), client.get(address(job)).status_code, rename(client, job, "A", "x").status_code) == (0, 410, 410)


def test_a_correction_of_a_job_that_is_being_erased_leaves_nothing_behind(owner: User, job: Job) -> None:
    read_before = fresh(job)
    job.erase()
    with pytest.raises(Refused) as refused:
        read_before.correct({"speaker": "A", "name": "Ann"}, owner.pk)
    assert (refused.value.code, Revision.objects.count()) == ("gone", 0)
