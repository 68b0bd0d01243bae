from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils.http import urlencode
from rest_framework.request import Request

from fitsize.models import User
from tasks.waiting import FRONT, HOLD, wanted_seconds
from tests.tasks.jobs import claimed, fresh, submit


@pytest.mark.parametrize(
    ("prefer", "query", "seconds"),
    [
        ("wait=5", "", 5),
        ("respond-async, wait=7", "", 7),
        ("WAIT = 7", "", 7),
        ('wait="7"; foo', "", 7),
        ("wait=1000", "", 30),
        ("await=7", "", None),
        ("wait=-3", "", None),
        ("wait=soon", "", None),
        ("", "12", 12),
        ("", "-1", None),
        ("", "9" * 50, None),
        ("wait=0", "", 0),
        ("", "", None),
    ],
)
def test_how_long_a_client_wants_to_wait(prefer: str, query: str, seconds: int | None) -> None:
    request = RequestFactory().get("/", {"wait": query} if query else {}, headers={"prefer": prefer} if prefer else {})
    assert wanted_seconds(Request(request)) == seconds


def get(client: Client, url: str, front: str | None, **headers: str) -> Any:
    environ: Any = {} if front is None else {FRONT: front}
    return client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()}, **environ)


@pytest.mark.django_db
def test_behind_the_front_a_waiting_client_is_to_be_held(client: Client, owner: User) -> None:
    job = submit(owner)
    answer = get(client, f"/api/v1/jobs/{job.pk}", "", prefer="wait=9")
    assert (answer[HOLD], answer["Preference-Applied"]) == (f"{job.pk} 9", "wait=9")


@pytest.mark.django_db
def test_a_second_pass_is_not_held_again(client: Client, owner: User) -> None:
    job = submit(owner)
    answer = get(client, f"/api/v1/jobs/{job.pk}", str(job.pk), prefer="wait=9")
    assert HOLD not in answer
    assert answer.json()["state"] == "queued"


@pytest.mark.django_db
def test_without_the_front_nobody_says_that_a_preference_was_applied(client: Client, owner: User) -> None:
    answer = get(client, f"/api/v1/jobs/{submit(owner).pk}", None, prefer="wait=9")
    assert (HOLD in answer, "Preference-Applied" in answer, answer.status_code) == (False, False, 200)
    assert answer.json()["state"] == "queued"


@pytest.mark.django_db
def test_an_ended_job_holds_nobody(client: Client, owner: User) -> None:
    job = claimed(owner)
    job.end("succeeded", result={})
    answer = get(client, f"/api/v1/jobs/{job.pk}", "", prefer="wait=9")
    assert HOLD not in answer
    assert "Retry-After" not in answer


@pytest.mark.django_db
def test_the_second_pass_of_a_submit_makes_no_second_job(client: Client, owner: User) -> None:
    job = submit(owner)
    environ: Any = {FRONT: str(job.pk)}
    answer = client.post("/api/v1/fakes/echo", headers={"prefer": "wait=9"}, **environ)
    assert (answer.status_code, answer.json()["id"]) == (202, str(job.pk))
    assert owner.jobs.count() == 1


@pytest.mark.django_db
def test_a_client_cannot_forge_a_second_pass(client: Client, owner: User) -> None:
    job = submit(owner)
    headers = {"fitsize.front": str(job.pk), "fitsize-front": str(job.pk), "x-fitsize-hold": f"{job.pk} 9"}
    answer = client.post("/api/v1/fakes/echo", {}, content_type="application/json", headers=headers)
    assert answer.json()["id"] != str(job.pk)


@pytest.mark.django_db
def test_a_client_that_knows_the_job_as_it_is_waits_and_one_that_does_not_is_answered_at_once(client: Client, owner: User) -> None:
    job = claimed(owner)
    url, tag = f"/api/v1/jobs/{job.pk}", client.get(f"/api/v1/jobs/{job.pk}")["ETag"]
    assert HOLD in get(client, url, "", prefer="wait=9", if_none_match=tag)
    assert get(client, url, str(job.pk), prefer="wait=9", if_none_match=tag).status_code == 304
    changed = get(client, url, "", prefer="wait=9", if_none_match='W/"another"')
    assert (HOLD in changed, changed.json()["state"]) == (False, "running")


@pytest.mark.django_db
def test_without_the_front_a_job_that_has_not_changed_is_not_sent_again_either(client: Client, owner: User) -> None:
    url = f"/api/v1/jobs/{submit(owner).pk}"
    assert get(client, url, None, prefer="wait=9", if_none_match=client.get(url)["ETag"]).status_code == 304


@pytest.mark.django_db
@pytest.mark.parametrize("wait", ["-1", "soon", "1.5", "9" * 50, "", "\0"])
def test_a_wait_that_is_no_number_is_refused_before_anything_is_done(client: Client, owner: User, wait: str) -> None:
    job = submit(owner)
    for answer in (
        client.get(f"/api/v1/jobs/{job.pk}", {"wait": wait}),
        client.post(f"/api/v1/jobs/{job.pk}/cancel?" + urlencode({"wait": wait})),
    ):
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "wait")
    assert fresh(job).state == "queued"
