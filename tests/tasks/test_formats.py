"""A result in another format than JSON."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.request import Request

from fitsize.models import User
from tasks.formats import accepted_format
from tasks.models import Job
from tasks.problems import Problem
from tasks.waiting import FRONT, HOLD
from tests.fakes.kind import FORMATS
from tests.tasks.jobs import claimed, fresh, submit

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(owner: User) -> Job:
    spoken = claimed(owner, "speak")
    spoken.end("succeeded", result={"speakers": ["A", "=B()"]})
    return fresh(spoken)


def get(client: Client, job: Job, query: str = "", **headers: str) -> Any:
    return client.get(f"/api/v1/jobs/{job.pk}{query}", headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_a_result_is_had_by_the_name_of_a_format(client: Client, job: Job) -> None:
    answer = get(client, job, "?format=csv")
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, "text/csv; charset=utf-8", b"speaker\r\nA\r\n'=B()\r\n")
    assert answer["Content-Disposition"] == f'attachment; filename="fakes-{job.pk}.csv"'


def test_a_format_may_have_a_link_once_there_is_a_result(client: Client, owner: User, job: Job) -> None:
    links = get(client, job).json()["links"]
    assert links["overlay"] == f"/api/v1/jobs/{job.pk}?format=svg"
    assert client.get(links["overlay"])["Content-Type"].startswith("image/svg+xml")
    assert "overlay" not in get(client, claimed(owner, "speak")).json()["links"]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        ("TEXT/CSV", "text/csv; charset=utf-8"),
        ("text/*", "text/csv; charset=utf-8"),
        ("application/octet-stream", "application/octet-stream"),
        ("text/csv;q=0.5, application/json;q=0.4", "text/csv; charset=utf-8"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/csv;q=0, */*", "application/json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
        ("application/*", "application/json"),
        ("*/*", "application/json"),
        ("", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
    ],
)
def test_what_a_client_likes_best_is_what_it_gets(client: Client, job: Job, accept: str, kind: str) -> None:
    answer = get(client, job, accept=accept)
    assert (answer.status_code, answer["Content-Type"], answer["Vary"]) == (200, kind, "Accept, Accept-Language")


def test_the_address_wins_over_the_header(client: Client, job: Job) -> None:
    assert get(client, job, "?format=json", accept="text/csv")["Content-Type"] == "application/json"
    assert get(client, job, "?format=csv", accept="application/json")["Content-Type"].startswith("text/csv")


@pytest.mark.parametrize(
    ("query", "accept"), [("?format=xml", "*/*"), ("?format=", "*/*"), ("", "text/html"), ("", "text/csv;q=0"), ("", "nonsense")]
)
def test_a_format_that_is_not_there_is_refused_with_those_that_are(client: Client, job: Job, query: str, accept: str) -> None:
    answer = get(client, job, query, accept=accept)
    assert (answer.status_code, answer.json()["code"], answer["Content-Type"]) == (406, "not_acceptable", "application/problem+json")
    assert all(name in answer.json()["detail"] for name in ("application/json", "csv (text/csv)", "svg", "bin"))


def test_the_job_lists_its_formats_once_it_has_a_result(client: Client, owner: User, job: Job) -> None:
    shown = get(client, job).json()
    assert [form["name"] for form in shown["formats"]] == ["csv", "svg", "bin"]
    assert client.get(shown["formats"][2]["url"]).content == bytes(2)
    assert get(client, claimed(owner, "speak")).json()["formats"] == []


def test_each_format_has_a_tag_of_its_own(client: Client, job: Job) -> None:
    csv, plain = get(client, job, "?format=csv"), get(client, job)
    assert csv["ETag"] != plain["ETag"]
    assert get(client, job, "?format=csv", if_none_match=csv["ETag"]).status_code == 304
    assert get(client, job, "?format=csv", if_none_match=plain["ETag"]).status_code == 200


def test_what_was_corrected_is_rendered_corrected(client: Client, owner: User, job: Job) -> None:
    tag = get(client, job, "?format=csv")["ETag"]
    fresh(job).correct({"speaker": "A", "name": "Ann"}, owner.pk)
    assert b"Ann" in get(client, job, "?format=csv", if_none_match=tag).content
    assert get(client, job).json()["result"] == {"speakers": ["A", "=B()"]}


@given(st.text(st.characters(codec="latin1", exclude_categories=["Cc"])) | st.from_regex(r"[a-z*/;=q.,0-9 ]{1,40}", fullmatch=True))
def test_no_header_breaks_the_negotiation(accept: str) -> None:
    request = Request(RequestFactory().get("/", headers={"accept": accept}))
    try:
        assert accepted_format(request, FORMATS) in ("json", *FORMATS)
    except Problem as refused:
        assert refused.problem_code == "not_acceptable"


def test_a_picture_with_a_script_inside_cannot_run_it(client: Client, job: Job) -> None:
    answer = get(client, job, "?format=svg")
    assert b"<script>" in answer.content
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("image/svg+xml; charset=utf-8", "nosniff")
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'; style-src 'unsafe-inline'"


def test_a_script_that_asks_too_early_does_not_save_json_as_a_table(client: Client, owner: User) -> None:
    answer = get(client, submit(owner, "speak"), "?format=csv")
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"], answer["Retry-After"]) == (409, "not_ready", True, "1")


def test_a_job_without_a_result_has_it_in_no_format(client: Client, owner: User) -> None:
    job = submit(owner, "speak")
    job.cancel()
    answer = get(client, job, "?format=csv")
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (409, "no_result", False)


def test_a_client_that_can_do_with_json_reads_the_job_meanwhile(client: Client, owner: User) -> None:
    answer = get(client, submit(owner, "speak"), accept="text/csv, application/json;q=0.1")
    assert (answer.status_code, answer.json()["state"]) == (200, "queued")


def test_waiting_and_a_format_go_together(client: Client, owner: User) -> None:
    job = claimed(owner, "speak")
    first, second = ({FRONT: passed} for passed in ("", str(job.pk)))
    url = f"/api/v1/jobs/{job.pk}?wait=9"
    held: Any = client.get(f"{url}&format=csv", **first)  # type: ignore[arg-type]  # the environ's
    assert (held.status_code, held[HOLD]) == (200, f"{job.pk} 9")
    late: Any = client.get(f"{url}&format=csv", **second)  # type: ignore[arg-type]  # the environ's
    assert (late.status_code, late.json()["code"]) == (409, "not_ready")
    job.end("succeeded", result={"speakers": ["A"]})
    done: Any = client.get(url, headers={"accept": "text/csv"}, **second)  # type: ignore[arg-type]  # the environ's
    assert (done.content, done["Vary"], done["Preference-Applied"]) == (b"speaker\r\nA\r\n", "Accept, Accept-Language, Prefer", "wait=9")


def test_without_the_front_a_client_that_waits_for_a_format_is_told_to_come_again(client: Client, owner: User) -> None:
    assert get(client, submit(owner, "speak"), "?wait=9&format=csv").json()["code"] == "not_ready"
