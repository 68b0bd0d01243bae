from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from PIL import Image, ImageFilter, ImageOps

from faces.inference.gallery import to_bytes
from faces.inference.model import FaceModel
from faces.models import Consent, Gallery, Person, PersonJob, Template
from faces.people.serializers import EnrolResultSerializer
from faces.vault import Vault
from fitsize.models import User
from tasks import runs
from tasks.models import Claimant, Job, State
from tests.conftest import client_of
from tests.faces.people import CONSENT, SCOPES, enrol_astronaut, enrolled, numbers, post, run
from tests.faces.pictures import astronaut, file_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("child")]
GRAY = Image.new("RGB", (300, 300), "gray")


@pytest.fixture
def client(owner: User) -> Client:
    return client_of(owner, SCOPES)


def nobody_is_there() -> bool:
    return not any(model.objects.exists() for model in (Person, Template, Consent, PersonJob))


def test_an_enrolment_keeps_the_contract_and_makes_a_person_with_a_consent(client: Client) -> None:
    result = enrol_astronaut(client)
    form = EnrolResultSerializer(data=result)
    assert form.is_valid(), form.errors
    person = Person.objects.get(pk=result["person"]["id"])
    consent = person.consents.get()
    assert (result["verdict"], result["enrolled"], result["templates"]) == ("enrolled", 1, 1)
    assert (person.name, person.gallery.name, consent.text, consent.purpose) == ("Eileen", "default", "I agree.", "the door")
    assert consent.recorded_by is not None


def test_no_encoding_can_be_found_in_the_database(client: Client, model: FaceModel) -> None:
    result = enrol_astronaut(client)
    photo = astronaut()
    chip = model.landmarks.find(np.asarray(photo), model.detector.find(photo).faces[0].box).chip(150, 0.25)
    encoding = to_bytes(model.encoder.encode(chip[None])[0])
    template = Template.objects.get()
    opened = template.encoding(Vault().key(template.key))
    assert np.linalg.norm(np.frombuffer(opened, "<f4") - np.frombuffer(encoding, "<f4")) < 0.1
    dump = b"".join(repr(row).encode() + b"".join(bytes(value) for value in row if isinstance(value, bytes)) for row in everything())
    pieces = [opened[start : start + 8] for start in range(0, len(opened), 8)]
    assert not any(piece in dump or piece.hex().encode() in dump for piece in pieces)
    assert str(result["person"]["id"]).replace("-", "").encode() in dump.replace(b"-", b"")


def everything() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        found: list[tuple[Any, ...]] = []
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 (names of tables)
            found += cursor.fetchall()
    return found


def test_a_photo_that_fails_the_gate_is_refused_with_its_reasons_and_nothing_is_kept(client: Client) -> None:
    blurred = astronaut().filter(ImageFilter.GaussianBlur(2.5))
    result = enrol_astronaut(client, photos=[file_of(GRAY), file_of(blurred)])
    assert (result["verdict"], result["person"], result["enrolled"]) == ("refused", None, 0)
    assert [photo["reasons"] for photo in result["photos"]] == [["no_face"], ["too_blurry"]]
    assert nobody_is_there() and list(Vault().all_keys()) == []


def test_a_file_that_cannot_be_decoded_is_refused_at_no_other_photos_cost(client: Client) -> None:
    half = file_of(astronaut()).getvalue()[:20_000]
    result = enrol_astronaut(client, photos=[io.BytesIO(half), file_of(astronaut())])
    assert [photo["reasons"] for photo in result["photos"]] == [["truncated_image"], []]
    assert result["enrolled"] == 1


def test_further_photos_join_the_person_and_the_same_one_adds_nothing(client: Client) -> None:
    first = enrol_astronaut(client)
    person = first["person"]["id"]
    job = run(client, "faces-enrol", photos=[file_of(astronaut()), file_of(ImageOps.mirror(astronaut()))], person=person)
    assert job.result is not None
    assert [photo["reasons"] for photo in job.result["photos"]] == [["already_enrolled"], []]
    assert (job.result["templates"], Template.objects.filter(person=person).count(), Person.objects.count()) == (2, 2, 1)


def test_the_same_photo_twice_in_a_request_counts_once(client: Client) -> None:
    result = enrol_astronaut(client, photos=[file_of(astronaut()), file_of(astronaut())])
    assert [photo["reasons"] for photo in result["photos"]] == [[], ["already_enrolled"]]


def test_a_photo_of_somebody_else_is_refused(client: Client, owner: User) -> None:
    stranger = enrolled(owner, numbers(1))
    job = run(client, "faces-enrol", photos=[file_of(astronaut())], person=stranger.pk)
    assert job.result is not None
    assert (job.result["verdict"], job.result["photos"][0]["reasons"]) == ("refused", ["other_person"])
    assert Template.objects.count() == 1


@pytest.mark.parametrize("missing", list(CONSENT))
def test_nobody_new_is_enrolled_without_a_whole_consent(client: Client, missing: str) -> None:
    fields = {name: value for name, value in CONSENT.items() if name != missing}
    answer = client.post(reverse("faces-enrol"), {"photos": [file_of(astronaut())], "name": "x", **fields})
    assert (answer.status_code, answer.json()["code"], answer.json()["errors"][0]["field"]) == (400, "consent_needed", missing)


def test_a_consent_of_tomorrow_is_refused(client: Client) -> None:
    fields = {**CONSENT, "consent_given_at": "2999-01-01T00:00:00Z"}
    answer = client.post(reverse("faces-enrol"), {"photos": [file_of(astronaut())], "name": "x", **fields})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "consent_given_at")


def test_a_name_or_a_person_but_not_both_nor_neither(client: Client) -> None:
    for fields in ({}, {"name": "x", "person": "6f0c1a52-3d2b-4b39-9a55-1f6f0f7c2d11"}):
        assert client.post(reverse("faces-enrol"), {"photos": [file_of(astronaut())], **CONSENT, **fields}).status_code == 400


def test_photos_may_come_as_base64_and_a_wrong_one_is_named(client: Client) -> None:
    from base64 import b64encode

    good = b64encode(file_of(astronaut()).getvalue()).decode()
    body = {"photos": [good, "!"], "name": "x", **CONSENT}
    refused = client.post(reverse("faces-enrol"), body, content_type="application/json").json()
    assert [(error["field"], error["code"]) for error in refused["errors"]] == [("photos_2", "invalid_base64")]
    taken = client.post(reverse("faces-enrol"), {**body, "photos": [good]}, content_type="application/json")
    assert taken.status_code == 202


@pytest.mark.parametrize("count", [0, 11])
def test_one_to_ten_photos_are_taken(client: Client, count: int) -> None:
    photos = [SimpleUploadedFile("x.jpg", file_of(GRAY).getvalue()) for _ in range(count)]
    assert client.post(reverse("faces-enrol"), {"photos": photos, "name": "x", **CONSENT}).status_code == 400


def test_anothers_person_is_not_found(client: Client, stranger: User) -> None:
    theirs = enrolled(stranger, numbers(1))
    answer = client.post(reverse("faces-enrol"), {"photos": [file_of(astronaut())], "person": theirs.pk})
    assert answer.status_code == 404
    assert Job.objects.filter(owner=client_owner(client)).count() == 0


def client_owner(client: Client) -> int:
    return User.objects.get(username="owner").pk


def test_a_key_for_pictures_may_not_enrol(owner: User) -> None:
    answer = client_of(owner, ["faces", "faces:read"]).post(reverse("faces-enrol"), {})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_worker_that_lost_its_lease_leaves_nobody_behind(client: Client, model: FaceModel) -> None:
    sent = post(client, "faces-enrol", photos=[file_of(astronaut())], name="Eileen", **CONSENT)
    job = Job.objects.claim("faces", Claimant(worker="late", life="late", pid=1, fresh=True))
    assert job is not None
    Job.objects.get(pk=sent["id"]).release()
    assert runs.run_job(job, model) is None
    assert nobody_is_there() and Gallery.objects.count() == 0


def test_a_canceled_enrolment_leaves_nobody_behind(client: Client, model: FaceModel) -> None:
    sent = post(client, "faces-enrol", photos=[file_of(astronaut())], name="Eileen", **CONSENT)
    job = Job.objects.claim("faces", Claimant(worker="me", life="me", pid=1, fresh=True))
    assert job is not None
    ended = runs.predicted(job, model, runs.JobRun(job))
    client.post(f"/api/v1/jobs/{sent['id']}/cancel")
    assert job.end(**ended) == State.CANCELED
    assert nobody_is_there()


def test_a_photo_that_two_jobs_enrol_at_once_is_one_template(client: Client, owner: User, model: FaceModel) -> None:
    person = enrol_astronaut(client)["person"]["id"]
    photo = file_of(astronaut(), quality=60).getvalue()
    for _ in range(2):
        post(client, "faces-enrol", photos=[SimpleUploadedFile("1.jpg", photo)], person=person)
    first = Job.objects.claim("faces", Claimant(worker="me", life="me", pid=1, fresh=True))
    assert first is not None
    run_of_first = runs.JobRun(first)
    end = runs.predicted(first, model, run_of_first)
    runs.run_jobs("faces")  # the second overtakes it
    assert runs.recorded(first, end, run_of_first, runs.nobody) == State.QUEUED
    runs.run_jobs("faces")
    result = Job.objects.get(pk=first.pk).result
    assert result is not None and result["photos"][0]["reasons"] == ["already_enrolled"]
    assert Template.objects.count() == 2
