"""One call erases a gallery with everybody in it, and leaves nothing that was on its way into it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from faces import changes, closing, receipts
from faces.inference import gallery as cache
from faces.inference.model import FaceModel
from faces.models import Consent, Gallery, Person, PersonJob, Read, Receipt, Template
from faces.people.serializers import ErasedGallerySerializer, ReceiptPageSerializer
from faces.vault import Vault
from fitsize.models import User
from tasks import runs
from tasks.models import Claimant, Job, State
from tests.conftest import client_of
from tests.faces.people import CONSENT, SCOPES, anybody, enrol_astronaut, enrolled, numbers, post, run
from tests.faces.pictures import astronaut, file_of, two_astronauts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("search")]
ME = Claimant(worker="me", life="me", pid=1, fresh=True)


@pytest.fixture
def client(owner: User) -> Client:
    return client_of(owner, SCOPES)


def erase(client: Client, name: str = "default", status: int = 200) -> dict[str, Any]:
    answer = client.delete(reverse("faces-gallery", args=[name]))
    assert answer.status_code == status, answer.content
    form = ErasedGallerySerializer(data=answer.json())
    assert form.is_valid(), form.errors
    return dict(answer.json())


def test_everybody_of_a_gallery_is_erased_with_a_receipt_each_and_nobody_else(client: Client, owner: User) -> None:
    ann, twin, bob = (enrolled(owner, numbers(seed)) for seed in (1, 2, 3))
    carl = enrolled(owner, numbers(4), gallery="staff")
    changes.merge(twin, ann, None, anybody)
    Read.objects.create(gallery=ann.gallery, job=ann.pk, operation="identify")
    said = erase(client)
    assert [*Person.objects.all()] == [carl] and Gallery.objects.get().name == "staff" and not Read.objects.exists()
    assert {pk for model in (Template, Consent, PersonJob) for pk in model.objects.values_list("person", flat=True)} == {carl.pk}
    assert list(Vault().all_keys()) == [carl.key] and Job.objects.filter(erased_at=None).count() == 1
    listed = client.get(said["links"]["receipts"]).json()
    assert ReceiptPageSerializer(data=listed).is_valid()
    assert sorted(receipt["receipt"] for receipt in listed["results"]) == sorted(said["receipts"]) and said["more"] is False
    assert sorted(pk for receipt in listed["results"] for pk in receipt["people"]) == sorted(str(row.pk) for row in (ann, twin, bob))
    for receipt in listed["results"]:
        assert receipt["reason"] == "gallery"
        receipts.verify(receipt, receipts.public_key_pem())
    assert client.delete(reverse("faces-gallery", args=["default"])).status_code == 404


def test_an_enrolment_that_runs_meanwhile_leaves_nobody_and_no_gallery(client: Client, owner: User, model: FaceModel) -> None:
    enrolled(owner, numbers(1))
    sent = post(client, "faces-enrol", photos=[file_of(astronaut())], name="Eileen-4711", **CONSENT)
    job = Job.objects.claim("faces", ME)
    assert job is not None
    run_of_job = runs.JobRun(job)
    end = runs.predicted(job, model, run_of_job)
    assert end["result"]["verdict"] == "enrolled"
    queued = post(client, "faces-enrol", photos=[file_of(astronaut())], name="Eileen-4711", **CONSENT)
    erase(client)
    assert runs.recorded(job, end, run_of_job, runs.nobody) == State.CANCELED
    runs.run_jobs("faces")
    assert not Person.objects.exists() and not Gallery.objects.exists()
    assert {client.get(f"/api/v1/jobs/{pk}").status_code for pk in (sent["id"], queued["id"])} == {410}
    assert "Eileen-4711" not in json.dumps(list(Job.objects.values_list("parameters", "result")))


def test_a_refused_enrolment_keeps_no_name_and_those_for_other_galleries_stay(client: Client, owner: User, stranger: User) -> None:
    enrolled(owner, numbers(1))
    refused = run(client, "faces-enrol", photos=[file_of(two_astronauts())], name="Eileen-4711", **CONSENT)
    others = [
        post(asker, "faces-enrol", photos=[file_of(astronaut())], name="Bea", gallery=gallery, **CONSENT)["id"]
        for asker, gallery in ((client, "staff"), (client_of(stranger, SCOPES), "default"))
    ]
    erase(client)
    assert Job.objects.get(pk=refused.pk).parameters == {}
    assert Job.objects.filter(pk__in=others, state=State.QUEUED).count() == 2


def test_a_gallery_of_the_same_name_begins_anew(client: Client, owner: User) -> None:
    person = enrol_astronaut(client)["person"]["id"]
    run(client, "faces-identify", photo=file_of(astronaut()))
    former = Gallery.objects.get().pk
    erase(client)
    assert run(client, "faces-identify", photo=file_of(astronaut())).result["gallery_size"] == 0  # type: ignore[index]  # it has one
    again = enrol_astronaut(client)["person"]["id"]
    result = run(client, "faces-identify", photo=file_of(astronaut())).result
    assert result is not None and result["faces"][0]["candidates"][0]["person"] == again != person
    assert former not in cache.cached


def test_what_a_request_has_no_time_for_is_hidden_at_once_and_erased_by_housekeeping(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(3):
        enrolled(owner, numbers(seed))
    monkeypatch.setattr(closing, "PATIENCE_SECONDS", 0.0)
    assert (said := erase(client, status=202))["more"] is True and said["receipts"] == []
    assert client.get(reverse("faces-galleries")).json()["results"] == []
    answer = client.post(reverse("faces-identify"), {"photo": file_of(astronaut()), "gallery": f"~{said['gallery']}"})
    assert answer.status_code == 400 and client.delete(reverse("faces-gallery", args=["default"])).status_code == 404
    monkeypatch.undo()
    assert closing.erase_closed() is False  # its request may still be at it
    Gallery.objects.update(closed_at=timezone.now() - timedelta(minutes=1))
    while closing.erase_closed():
        pass
    assert not Person.objects.exists() and not Gallery.objects.exists()
    assert len(client.get(said["links"]["receipts"]).json()["results"]) == Receipt.objects.count() == 3


def test_an_empty_gallery_goes_too(client: Client, owner: User) -> None:
    Gallery.objects.create(owner=owner, name="default")
    assert erase(client)["receipts"] == [] and not Gallery.objects.exists()


def test_only_the_owner_with_a_key_for_it_erases_a_gallery(owner: User, stranger: User) -> None:
    enrolled(owner, numbers(1))
    url = reverse("faces-gallery", args=["default"])
    assert client_of(stranger, SCOPES).delete(url).status_code == 404
    assert client_of(owner, ["faces", "faces:read"]).delete(url).status_code == 403
    assert Person.objects.count() == 1


def test_receipts_are_listed_for_their_owner(client: Client, owner: User, stranger: User) -> None:
    enrolled(owner, numbers(1), gallery="staff")
    enrolled(owner, numbers(2))
    said = erase(client)
    erase(client, "staff")
    url = reverse("faces-receipts")
    [first, second] = client.get(url).json()["results"]
    assert (first["number"], second["number"]) == (2, 1)
    assert client.get(url, {"gallery": said["gallery"]}).json()["results"] == [second]
    assert client_of(stranger, SCOPES).get(url).json()["results"] == []
    assert client.get(url, {"galery": "x"}).status_code == 400
