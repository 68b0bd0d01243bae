"""A template that is removed is gone, with the photo that was stored of it, in every copy; and nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from PIL import ImageOps

from faces.inference import gallery as cache
from faces.inference.model import FaceModel
from faces.models import Person, Rejection, Template
from faces.photos import mark
from faces.vault import Vault
from fitsize.models import User
from tasks import runs
from tasks.models import Claimant, Input, Job, State
from tasks.sealing import Unreadable, opened
from tests.conftest import client_of
from tests.faces.people import CONSENT, SCOPES, enrol_astronaut, enrolled, numbers, post, run
from tests.faces.pictures import astronaut, file_of
from tests.tasks.jobs import files_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("search")]


@pytest.fixture
def client(owner: User) -> Client:
    return client_of(owner, SCOPES)


def remove(client: Client, person: Any, template: Any, tag: str | None = None) -> Any:
    url = reverse("faces-template", args=[person, template])
    known = client.get(reverse("faces-person", args=[person])).json().get("etag", "") if tag is None else tag
    return client.delete(url, headers={"If-Match": known} if known else {})


def test_a_removed_template_is_gone_and_the_others_are_still_matched(client: Client, owner: User) -> None:
    person = enrolled(owner, numbers(1), numbers(2))
    gone, kept = Template.objects.filter(person=person)
    answer = remove(client, person.pk, gone.pk)
    assert (answer.status_code, answer["ETag"]) == (200, answer.json()["etag"])
    assert [template["id"] for template in answer.json()["templates"]] == [str(kept.pk)] and answer.json()["etag"] != person.tag
    row = Template.objects.get()
    assert len(row.encoding(Vault().key(row.key))) == 512
    assert remove(client, person.pk, gone.pk).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_backup_of_it_cannot_be_opened(client: Client, owner: User) -> None:
    person = enrolled(owner, numbers(1), numbers(2))
    gone, kept = list(Template.objects.filter(person=person))
    assert remove(client, person.pk, gone.pk).status_code == 200
    with pytest.raises(Unreadable):
        Vault().key(gone.key)
    person.refresh_from_db()
    for row in (gone, kept):
        with pytest.raises(Unreadable):
            opened(Vault().key(person.key), row.sealed, person.pk, row.pk)
    assert list(Vault().all_keys()) == [person.key]


def test_workers_forget_it_and_compare_with_what_is_left(client: Client) -> None:
    result = enrol_astronaut(client, photos=[file_of(astronaut()), file_of(ImageOps.mirror(astronaut()))])
    person = result["person"]["id"]
    before = run(client, "faces-identify", photo=file_of(astronaut())).result
    first = Template.objects.first()
    assert first is not None and before is not None
    remove(client, person, first.pk)
    after = run(client, "faces-identify", photo=file_of(astronaut())).result
    assert after is not None and after["verdict"] == "match"
    assert after["faces"][0]["distance"] != before["faces"][0]["distance"]
    [known] = cache.cached.values()
    assert known.crowd.people[0].photos == 1 and len(known.templates) == 1
    assert run(client, "faces-verify", selfie=file_of(astronaut()), person=person).result["person"]["photos"] == 1  # type: ignore[index]


@pytest.mark.django_db(transaction=True)
def test_its_stored_photo_goes_and_those_of_the_others_stay(client: Client, own_files: Path) -> None:
    photos = [file_of(astronaut()), file_of(ImageOps.mirror(astronaut()))]
    result = enrol_astronaut(client, photos=photos, store="true")
    job = Job.objects.get()
    assert sorted(job.files.values_list("name", flat=True)) == ["photos_1.jpg", "photos_2.jpg"] and len(files_of(own_files)) == 2
    second = Template.objects.get(photo=mark(Input.objects.get(role="photos_2").sha256))
    assert remove(client, result["person"]["id"], second.pk).status_code == 200
    assert [file["name"] for file in client.get(f"/api/v1/jobs/{job.pk}").json()["files"]] == ["photos_1.jpg"]
    assert len(files_of(own_files)) == 1


def test_the_last_one_may_go_and_the_person_stays_until_they_are_erased(client: Client) -> None:
    person = enrol_astronaut(client)["person"]["id"]
    assert remove(client, person, Template.objects.get().pk).json()["photos"] == 0
    job = run(client, "faces-verify", selfie=file_of(astronaut()), person=person)
    assert job.error is not None and job.error["code"] == "no_template"
    assert run(client, "faces-identify", photo=file_of(astronaut())).result["gallery_size"] == 0  # type: ignore[index]  # it has one
    again = run(client, "faces-enrol", photos=[file_of(astronaut())], person=person).result
    assert again is not None and again["enrolled"] == 1


def test_a_page_that_is_out_of_date_removes_nothing(client: Client, owner: User) -> None:
    person = enrolled(owner, numbers(1), numbers(2))
    template = Template.objects.filter(person=person).first()
    assert template is not None
    Person.objects.get(pk=person.pk).changed()
    assert [remove(client, person.pk, template.pk, tag).status_code for tag in (person.tag, "")] == [412, 428]
    assert Template.objects.count() == 2


def test_it_cannot_be_undone_nor_can_a_split_of_which_nothing_is_left(client: Client, owner: User) -> None:
    ann = enrolled(owner, numbers(1), numbers(2))
    moved = Template.objects.filter(person=ann).first()
    assert moved is not None
    body = {"templates": [str(moved.pk)], "name": "Bea", **CONSENT}
    url = reverse("faces-split", args=[ann.pk])
    change = client.post(url, body, content_type="application/json", headers={"If-Match": ann.tag}).json()
    assert remove(client, change["target"], moved.pk).status_code == 200
    tags = [client.get(reverse("faces-person", args=[pk])).json()["etag"] for pk in (ann.pk, change["target"])]
    undone = client.post(change["undo"], {}, content_type="application/json", headers={"If-Match": ", ".join(tags)})
    assert (undone.status_code, undone.json()["code"]) == (409, "not_undoable")


def test_what_was_said_not_to_be_them_is_still_known(client: Client) -> None:
    person = enrol_astronaut(client)["person"]["id"]
    job = run(client, "faces-identify", photo=file_of(astronaut(), quality=60))
    client.post(reverse("faces-rejections", args=[person]), {"job": str(job.pk)}, content_type="application/json")
    remove(client, person, Template.objects.get().pk)
    row = Rejection.objects.get()
    assert len(row.encoding(Vault().key(row.person.key))) == 512


def test_an_enrolment_that_was_overtaken_is_made_again(client: Client, model: FaceModel) -> None:
    person = enrol_astronaut(client)["person"]["id"]
    post(client, "faces-enrol", photos=[file_of(astronaut(), quality=60)], person=person)
    job = Job.objects.claim("faces", Claimant(worker="me", life="me", pid=1, fresh=True))
    assert job is not None
    run_of_job = runs.JobRun(job)
    end = runs.predicted(job, model, run_of_job)
    remove(client, person, Template.objects.get().pk)
    assert runs.recorded(job, end, run_of_job, runs.nobody) == State.QUEUED
    runs.run_jobs("faces")
    row = Template.objects.get()
    assert len(row.encoding(Vault().key(row.key))) == 512


def test_templates_of_others_are_not_found_and_not_without_the_scope(client: Client, owner: User, stranger: User) -> None:
    ann, bob = enrolled(owner, numbers(1)), enrolled(owner, numbers(2))
    theirs = Template.objects.get(person=bob)
    assert remove(client, ann.pk, theirs.pk).status_code == 404
    assert remove(client_of(stranger, SCOPES), bob.pk, theirs.pk, bob.tag).status_code == 404
    assert remove(client_of(owner, ["faces:read"]), bob.pk, theirs.pk).status_code == 403
    assert Template.objects.count() == 2
