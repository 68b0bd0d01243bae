"""Who of a gallery is in a picture, and does a selfie show an enrolled person."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from django.urls import reverse
from PIL import Image, ImageOps
from pytest_django import Settings

from faces import changes
from faces.erasure import erase
from faces.inference.model import FaceModel
from faces.models import Person, PersonJob, Read, Rejection
from faces.people.serializers import IdentifyResultSerializer
from faces.serializers import VerifyResultSerializer
from faces.vault import Vault
from fitsize.models import User
from tasks import runs
from tasks.models import Claimant, Job, State
from tests.conftest import client_of
from tests.faces.people import SCOPES, anybody, enrol_astronaut, enrolled, numbers, post, run
from tests.faces.pictures import astronaut, file_of, two_astronauts
from tests.tasks.jobs import fresh

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("search")]


@pytest.fixture
def client(owner: User) -> Client:
    return client_of(owner, SCOPES)


def result_of(job: Job) -> dict[str, Any]:
    assert job.state == State.SUCCEEDED and job.result is not None, job.error
    return dict(job.result)


# -- identify
def test_an_enrolled_face_is_named_with_threshold_and_margin_and_the_contract_holds(client: Client, owner: User) -> None:
    person = enrol_astronaut(client)["person"]
    enrolled(owner, numbers(1), name="Bob")
    result = result_of(run(client, "faces-identify", photo=file_of(ImageOps.mirror(astronaut()))))
    form = IdentifyResultSerializer(data=result)
    assert form.is_valid(), form.errors
    [face] = result["faces"]
    assert (result["verdict"], result["gallery_size"], result["purpose"]) == ("match", 2, "the door")
    assert [(found["person"], found["name"]) for found in face["candidates"]] == [(person["id"], "Eileen")]
    assert face["margin"] > 0.3 and face["threshold"]["gallery_size"] == 2 and face["threshold"]["fpir"] > 0


def test_a_stranger_is_not_named_not_even_with_whom_is_nearest(client: Client, owner: User) -> None:
    enrolled(owner, numbers(1), name="Bob")
    result = result_of(run(client, "faces-identify", photo=file_of(astronaut())))
    [face] = result["faces"]
    assert (result["verdict"], face["candidates"], face["distance"] > 0.6) == ("no_match", [], True)
    assert "Bob" not in str(result)


def test_every_face_of_a_picture_is_answered_for_itself(client: Client) -> None:
    enrol_astronaut(client)
    result = result_of(run(client, "faces-identify", photo=file_of(two_astronauts())))
    assert [face["verdict"] for face in result["faces"]] == ["match", "match"]


def test_an_empty_gallery_knows_nobody_and_an_unknown_one_is_refused(client: Client) -> None:
    [face] = result_of(run(client, "faces-identify", photo=file_of(astronaut())))["faces"]
    assert (face["verdict"], face["distance"], face["margin"]) == ("no_match", None, None)
    answer = client.post(reverse("faces-identify"), {"photo": file_of(astronaut()), "gallery": "typo"})
    assert (answer.status_code, Job.objects.count()) == (404, 1)


def test_a_picture_without_a_face_fails_as_no_face(client: Client) -> None:
    job = run(client, "faces-identify", photo=file_of(Image.new("RGB", (300, 300), "gray")))
    assert job.error is not None and job.error["code"] == "no_face"


def test_another_owners_people_are_never_found(client: Client, stranger: User) -> None:
    enrol_astronaut(client_of(stranger, SCOPES))
    result = result_of(run(client, "faces-identify", photo=file_of(astronaut())))
    assert (result["verdict"], result["gallery_size"]) == ("no_match", 0)


@pytest.mark.parametrize(("on", "purpose"), [(False, "the door"), (True, "")])
def test_without_switch_and_purpose_nobody_is_sought(client: Client, settings: Settings, on: bool, purpose: str) -> None:
    sent = post(client, "faces-identify", photo=file_of(astronaut()))
    settings.FACES_IDENTIFY, settings.FACES_IDENTIFY_PURPOSE = on, purpose
    answer = client.post(reverse("faces-identify"), {"photo": file_of(astronaut())})
    assert (answer.status_code, answer.json()["code"]) == (403, "identify_off")
    runs.run_jobs("faces")
    error = Job.objects.get(pk=sent["id"]).error
    assert error is not None and error["code"] == "identify_off"


def test_check_says_why_identify_is_off(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.FACES_IDENTIFY = False
    call_command("check", "--deploy", "--tag", "security")
    assert "faces.I001" in capsys.readouterr().err
    settings.FACES_IDENTIFY, settings.FACES_IDENTIFY_PURPOSE = True, ""
    with pytest.raises(SystemCheckError, match="faces.E001"):
        call_command("check")


@pytest.mark.parametrize("route", ["faces-identify", "faces-galleries", "faces-people"])
def test_a_key_for_pictures_alone_may_not_look_at_galleries(owner: User, route: str) -> None:
    client = client_of(owner, ["faces"])
    answer = client.post(reverse(route), {"photo": file_of(astronaut())}) if route == "faces-identify" else client.get(reverse(route))
    assert answer.status_code == 403


def test_whoever_is_erased_while_a_worker_compares_is_not_answered_with(client: Client, model: FaceModel) -> None:
    person = Person.objects.get(pk=enrol_astronaut(client)["person"]["id"])
    sent = post(client, "faces-identify", photo=file_of(astronaut()))
    job = Job.objects.claim("faces", Claimant(worker="me", life="my-life", pid=1, fresh=True))
    assert job is not None
    run_of_job = runs.JobRun(job)
    end = runs.predicted(job, model, run_of_job)
    assert end["result"]["verdict"] == "match"
    erase(person, "request")
    assert runs.recorded(job, end, run_of_job, runs.nobody) == State.QUEUED
    runs.run_jobs("faces")
    row = Job.objects.get(pk=sent["id"])
    assert (row.attempts, result_of(row)["verdict"]) == (1, "no_match")
    assert str(person.pk) not in str(row.result)


def test_whoever_was_merged_meanwhile_is_answered_with_as_the_target(client: Client, owner: User, model: FaceModel) -> None:
    person, target = Person.objects.get(pk=enrol_astronaut(client)["person"]["id"]), enrolled(owner, numbers(1), name="Target")
    sent = post(client, "faces-verify", selfie=file_of(astronaut()), person=person.pk)
    changes.merge(person, target, None, anybody)
    runs.run_jobs("faces")
    result = result_of(Job.objects.get(pk=sent["id"]))
    assert result["person"] == {"id": str(target.pk), "name": "Target", "photos": 2}


# -- verify
def test_a_selfie_is_verified_against_all_templates_of_a_person(client: Client, owner: User) -> None:
    person = enrol_astronaut(client, photos=[file_of(astronaut()), file_of(ImageOps.mirror(astronaut()))])["person"]["id"]
    result = result_of(run(client, "faces-verify", selfie=file_of(astronaut(), quality=60), person=person))
    form = VerifyResultSerializer(data=result)
    assert form.is_valid(), form.errors
    assert (result["verdict"], result["person"]["photos"], result["reference"]) == ("match", 2, None)
    other = enrolled(owner, numbers(1))
    assert result_of(run(client, "faces-verify", selfie=file_of(astronaut()), person=other.pk))["verdict"] == "no_match"


def test_either_a_reference_or_a_person_is_sent(client: Client) -> None:
    pictures = {"selfie": file_of(astronaut()), "reference": file_of(astronaut())}
    assert client.post(reverse("faces-verify"), {**pictures, "person": uuid4()}).status_code == 400
    assert client.post(reverse("faces-verify"), {"selfie": file_of(astronaut())}).status_code == 400


def test_only_ones_own_people_and_with_the_scope_for_it(client: Client, owner: User, stranger: User) -> None:
    mine, theirs = enrolled(owner, numbers(1)), enrolled(stranger, numbers(1))

    def asked(client: Client, person: Person) -> int:
        return client.post(reverse("faces-verify"), {"selfie": file_of(astronaut()), "person": person.pk}).status_code

    assert [asked(client, mine), asked(client, theirs), asked(client_of(owner, ["faces"]), mine)] == [202, 404, 403]


def test_a_person_whose_key_is_lost_cannot_be_compared_with(client: Client, owner: User) -> None:
    person = enrolled(owner, numbers(1))
    Vault().erase(person.key)
    job = run(client, "faces-verify", selfie=file_of(astronaut()), person=person.pk)
    assert job.error is not None and job.error["code"] == "no_template"


# -- this is not that person
def test_a_rejected_answer_is_not_given_again(client: Client) -> None:
    person = enrol_astronaut(client)["person"]["id"]
    twin = ImageOps.mirror(astronaut())
    job = run(client, "faces-identify", photo=file_of(twin))
    assert result_of(job)["verdict"] == "match"
    said = client.post(reverse("faces-rejections", args=[person]), {"job": str(job.pk)}, content_type="application/json")
    assert said.status_code == 201
    assert result_of(run(client, "faces-identify", photo=file_of(twin)))["verdict"] == "no_match"
    assert result_of(run(client, "faces-verify", selfie=file_of(twin), person=person))["verdict"] == "no_match"
    assert result_of(run(client, "faces-verify", selfie=file_of(astronaut()), person=person))["verdict"] == "match"
    [listed] = client.get(reverse("faces-rejections", args=[person])).json()["results"]
    assert client.delete(reverse("faces-rejection", args=[person, listed["id"]])).status_code == 204
    assert result_of(run(client, "faces-identify", photo=file_of(twin)))["verdict"] == "match"


def test_what_a_job_did_not_answer_cannot_be_rejected(client: Client, owner: User, stranger: User) -> None:
    person = enrol_astronaut(client)["person"]["id"]
    other = enrolled(owner, numbers(1))
    job = run(client, "faces-identify", photo=file_of(astronaut()))
    url = reverse("faces-rejections", args=[other.pk])
    for body in ({"job": str(job.pk)}, {"job": str(uuid4())}):
        answer = client.post(url, body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_reject")
    url, body = reverse("faces-rejections", args=[person]), {"job": str(job.pk)}
    theirs = client_of(stranger, SCOPES).post(url, body, content_type="application/json")
    assert theirs.status_code == 404 and Rejection.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_what_was_seen_under_a_former_key_cannot_be_rejected_and_keys_go_on_being_changed(client: Client) -> None:
    person = enrol_astronaut(client)["person"]["id"]
    job = run(client, "faces-identify", photo=file_of(astronaut()))
    call_command("rotate_face_key", "--data")
    url = reverse("faces-rejections", args=[person])
    assert client.post(url, {"job": str(job.pk)}, content_type="application/json").json()["code"] == "nothing_to_reject"
    former = Person.objects.get().key
    call_command("rotate_face_key", "--data")
    assert Person.objects.get().key != former


def test_what_a_job_saw_is_private_sealed_and_goes_with_the_job(client: Client) -> None:
    enrol_astronaut(client)
    job = run(client, "faces-identify", photo=file_of(astronaut()))
    [kept] = job.files.all()
    assert kept.private and client.get(f"/api/v1/jobs/{job.pk}").json()["files"] == []
    with kept.open() as file:
        assert b"sealed" in file.read()
    fresh(job).erase()
    assert job.files.count() == 0


# -- readings
def test_every_reading_of_templates_is_shown_to_the_person(client: Client, owner: User) -> None:
    person = enrol_astronaut(client)["person"]["id"]
    run(client, "faces-identify", photo=file_of(astronaut()), purpose="a party")
    run(client, "faces-verify", selfie=file_of(astronaut()), person=person)
    run(client, "faces-identify", photo=file_of(Image.new("RGB", (300, 300), "gray")))
    shown = client.get(reverse("faces-history", args=[person])).json()["results"]
    assert [(one["operation"], one["scope"], one["answered"], one["purpose"]) for one in shown] == [
        ("identify", "gallery", False, "the door"),
        ("verify", "person", True, ""),
        ("identify", "gallery", True, "a party"),
    ]
    assert all(one["key"] for one in shown)
    later = enrolled(owner, numbers(1))
    assert client.get(reverse("faces-history", args=[later.pk])).json()["results"] == []


def test_the_log_pages_and_refuses_other_owners(client: Client, owner: User, stranger: User) -> None:
    person = enrolled(owner, numbers(1))
    for _ in range(3):
        Read.objects.create(gallery=person.gallery, person=person, job=uuid4(), operation="verify")
    page = client.get(reverse("faces-history", args=[person.pk]), {"limit": 2}).json()
    assert len(page["results"]) == 2 and len(client.get(page["next"]).json()["results"]) == 1
    assert client_of(stranger, SCOPES).get(reverse("faces-history", args=[person.pk])).status_code == 404


def test_a_match_is_a_contact_and_a_stranger_is_none(client: Client, owner: User) -> None:
    person = Person.objects.get(pk=enrol_astronaut(client)["person"]["id"])
    other = enrolled(owner, numbers(1))
    Person.objects.update(last_contact_at="2026-01-01T00:00:00Z")
    run(client, "faces-identify", photo=file_of(astronaut()))
    person.refresh_from_db()
    other.refresh_from_db()
    assert (person.last_contact_at.isoformat() > "2026-06", other.last_contact_at.month) == (True, 1)
    assert PersonJob.objects.filter(person=other).count() == 1  # its own enrolment
