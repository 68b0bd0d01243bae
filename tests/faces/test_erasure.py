"""One call erases a person everywhere, and the receipt says so in a way that can be checked."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from faces import changes, erasure, receipts
from faces.inference.model import FaceModel
from faces.models import Consent, Gallery, Person, PersonJob, Read, Receipt, Rejection, Template
from faces.people.serializers import ReceiptSerializer
from faces.vault import Vault
from fitsize.models import User
from tasks import runs
from tasks.models import Claimant, Job, State
from tasks.sealing import Unreadable
from tests.conftest import client_of
from tests.faces.people import CONSENT, SCOPES, anybody, enrol_astronaut, enrolled, numbers, post, run
from tests.faces.pictures import astronaut, file_of
from tests.tasks.jobs import files_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("search")]
on_a_server = pytest.mark.skipif(
    settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"),
    reason="SQLite's test database lies in memory, where two do not wait for each other: `python -m tests.postgres` has a server",
)
ME = Claimant(worker="me", life="me", pid=1, fresh=True)


@pytest.fixture
def client(owner: User) -> Client:
    return client_of(owner, SCOPES)


def erase(client: Client, person: Any) -> dict[str, Any]:
    answer = client.delete(reverse("faces-person", args=[person]))
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def everything() -> str:
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        found: list[str] = []
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 (names of tables)
            found += [repr(row) for row in cursor.fetchall()]
    return "\n".join(found)


@pytest.mark.django_db(transaction=True)
def test_nothing_of_an_erased_person_is_left_in_database_storage_or_vault(client: Client, own_files: Path) -> None:
    result = enrol_astronaut(client, name="Eileen-4711")
    person = result["person"]["id"]
    run(client, "faces-identify", photo=file_of(astronaut()))
    run(client, "faces-verify", selfie=file_of(astronaut()), person=person)
    assert "Eileen-4711" in everything() and files_of(own_files)
    receipt = erase(client, person)
    assert not any(word in everything() for word in ("Eileen-4711", "I agree."))
    assert not any(model.objects.exists() for model in (Person, Template, Consent, PersonJob))
    assert files_of(own_files) == [] and list(Vault().all_keys()) == []
    assert {client.get(f"/api/v1/jobs/{job}").status_code for job in receipt["jobs"]} == {410}
    assert (len(receipt["jobs"]), receipt["counts"]["templates"], receipt["counts"]["files"]) == (3, 1, 2)
    assert "Eileen-4711" not in json.dumps(receipt)
    assert client.get(reverse("faces-person", args=[person])).status_code == 404


def test_the_receipt_keeps_the_contract_and_verifies_and_a_changed_one_does_not(client: Client, owner: User, tmp_path: Path) -> None:
    receipt = erase(client, enrolled(owner, numbers(1)).pk)
    form = ReceiptSerializer(data=receipt)
    assert form.is_valid(), form.errors
    pem = Client().get(reverse("faces-receipt-key")).content.decode()
    receipts.verify(receipt, pem)
    path, key = tmp_path / "receipt.json", tmp_path / "key.pem"
    path.write_text(json.dumps(receipt, indent=4))
    key.write_text(pem)
    out = io.StringIO()
    call_command("verify_receipt", str(path), "--key", str(key), stdout=out)
    assert receipts.sha256(receipt) in out.getvalue()
    path.write_text(json.dumps({**receipt, "erased_at": "2020-01-01T00:00:00Z"}))
    with pytest.raises(CommandError, match="does not hold"):
        call_command("verify_receipt", str(path))


def test_erasing_twice_answers_the_same_receipt_also_of_whoever_was_merged_in(client: Client, owner: User) -> None:
    ann, twin = enrolled(owner, numbers(1)), enrolled(owner, numbers(2))
    changes.merge(twin, ann, None, anybody)
    refused = client.delete(reverse("faces-person", args=[twin.pk]))
    assert (refused.status_code, refused.json()["code"]) == (409, "person_merged")
    receipt = erase(client, ann.pk)
    assert receipt == erase(client, ann.pk) == erase(client, twin.pk)
    assert receipt == client.get(reverse("faces-receipt", args=[receipt["receipt"]])).json()
    assert receipt["counts"] | {"people": 2, "templates": 2, "keys": 2} == receipt["counts"]
    assert Receipt.objects.count() == 1 and Person.objects.count() == 0


def test_receipts_form_a_chain(client: Client, owner: User) -> None:
    first, second = (erase(client, enrolled(owner, numbers(seed)).pk) for seed in (1, 2))
    assert (first["number"], first["previous"]) == (1, receipts.FIRST)
    assert (second["number"], second["previous"]) == (2, receipts.sha256(first))


def test_another_owner_can_neither_erase_nor_read_the_receipt(client: Client, owner: User, stranger: User) -> None:
    person, other = enrolled(owner, numbers(1)), client_of(stranger, SCOPES)
    assert other.delete(reverse("faces-person", args=[person.pk])).status_code == 404
    receipt = erase(client, person.pk)
    assert other.delete(reverse("faces-person", args=[person.pk])).status_code == 404
    assert other.get(reverse("faces-receipt", args=[receipt["receipt"]])).status_code == 404
    assert client_of(owner, ["faces:read"]).delete(reverse("faces-person", args=[person.pk])).status_code == 403


def test_an_enrolment_that_runs_while_its_person_is_erased_leaves_nothing(client: Client, model: FaceModel) -> None:
    person = enrol_astronaut(client)["person"]["id"]
    sent = post(client, "faces-enrol", photos=[file_of(astronaut(), quality=60)], person=person)
    job = Job.objects.claim("faces", ME)
    assert job is not None
    run_of_job = runs.JobRun(job)
    end = runs.predicted(job, model, run_of_job)
    assert end["result"]["verdict"] == "enrolled"
    receipt = erase(client, person)
    assert runs.recorded(job, end, run_of_job, runs.nobody) == State.CANCELED
    assert sent["id"] in receipt["jobs"] and client.get(f"/api/v1/jobs/{sent['id']}").status_code == 410
    assert Template.objects.count() == Person.objects.count() == 0 and list(Vault().all_keys()) == []


def test_a_queued_job_about_an_erased_person_never_runs(client: Client, owner: User) -> None:
    person = enrolled(owner, numbers(1))
    sent = post(client, "faces-verify", selfie=file_of(astronaut()), person=person.pk)
    erase(client, person.pk)
    runs.run_jobs("faces")
    job = Job.objects.get(pk=sent["id"])
    assert (job.state, job.attempts, job.parameters) == (State.CANCELED, 0, {})


def test_a_late_worker_cannot_answer_with_an_erased_person(client: Client, model: FaceModel) -> None:
    person = enrol_astronaut(client)["person"]["id"]
    run(client, "faces-identify", photo=file_of(astronaut()))  # the worker has the gallery in memory
    sent = post(client, "faces-identify", photo=file_of(astronaut()))
    erase(client, person)
    runs.run_jobs("faces")
    result = Job.objects.get(pk=sent["id"]).result
    assert result is not None and result["verdict"] == "no_match" and result["gallery_size"] == 0


def test_a_restored_backup_cannot_be_opened(client: Client, owner: User) -> None:
    person = enrolled(owner, numbers(1))
    people, templates = list(Person.objects.all()), list(Template.objects.all())
    erase(client, person.pk)
    Person.objects.bulk_create(people)
    Template.objects.bulk_create(templates)
    Gallery.objects.update(version=99)
    [template] = Template.objects.all()
    with pytest.raises(Unreadable):
        Vault().key(template.key)
    job = run(client, "faces-verify", selfie=file_of(astronaut()), person=person.pk)
    assert job.error is not None and job.error["code"] == "no_template"
    assert run(client, "faces-identify", photo=file_of(astronaut())).result["gallery_size"] == 0  # type: ignore[index]  # it has one


def test_what_a_process_left_undone_is_finished_by_housekeeping(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from faces.retention import finish_erasures

    person = enrolled(owner, numbers(1))
    with transaction.atomic():
        receipt = erasure.erase_rows(person, "request")  # and the process dies
    assert Vault().path(person.key).exists() and receipt.number is None
    finish_erasures()
    receipt = Receipt.objects.get()
    assert not Vault().path(person.key).exists() and receipt.document is not None
    receipts.verify(receipt.document, receipts.public_key_pem())


def test_erasing_names_no_job_twice_and_spares_other_people(client: Client, owner: User) -> None:
    ann, bob = enrolled(owner, numbers(1)), enrolled(owner, numbers(2))
    Read.objects.create(gallery=ann.gallery, person=bob, job=ann.pk, operation="verify")
    receipt = erase(client, ann.pk)
    assert len(receipt["jobs"]) == 1
    assert Person.objects.get() == bob and Template.objects.get().person == bob and bob.key in set(Vault().all_keys())
    assert Read.objects.count() == 1 and Job.objects.filter(erased_at=None).count() == 1


def test_what_others_rejected_of_an_erased_persons_jobs_goes_too(client: Client, owner: User, settings: Settings) -> None:
    settings.FACES_IDENTIFY, settings.FACES_IDENTIFY_PURPOSE = True, "the door"
    shown, other = enrol_astronaut(client)["person"]["id"], enrol_astronaut(client)["person"]["id"]
    jobs = [str(run(client, "faces-identify", photo=file_of(astronaut())).pk) for _ in range(2)]
    url = reverse("faces-rejections", args=[other])
    assert client.post(url, {"job": jobs[0]}, content_type="application/json").status_code == 201
    erase(client, shown)
    assert Rejection.objects.count() == 0
    assert client.post(url, {"job": jobs[1]}, content_type="application/json").json()["code"] == "nothing_to_reject"
    result = run(client, "faces-identify", photo=file_of(astronaut())).result
    assert result is not None and result["verdict"] == "match"


def test_an_enrolment_that_a_new_key_overtook_is_made_again(client: Client, model: FaceModel) -> None:
    person = enrol_astronaut(client)["person"]["id"]
    post(client, "faces-enrol", photos=[file_of(astronaut(), quality=60)], person=person)
    job = Job.objects.claim("faces", ME)
    assert job is not None
    run_of_job = runs.JobRun(job)
    end = runs.predicted(job, model, run_of_job)
    call_command("rotate_face_key", "--data")
    assert runs.recorded(job, end, run_of_job, runs.nobody) == State.QUEUED
    runs.run_jobs("faces")
    assert [len(row.encoding(Vault().key(row.key))) for row in Template.objects.all()] == [512, 512]


@on_a_server
@pytest.mark.django_db(transaction=True)
def test_people_erased_at_once_have_receipts_of_one_chain(client: Client, owner: User) -> None:
    people = [enrolled(owner, numbers(seed)) for seed in range(4)]
    answers: list[dict[str, Any]] = []

    def one(person: Person) -> None:
        try:
            answers.append(erase(client_of(owner, SCOPES), person.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chain = sorted(answers, key=lambda receipt: receipt["number"])
    assert [receipt["number"] for receipt in chain] == [1, 2, 3, 4]
    assert [receipt["previous"] for receipt in chain[1:]] == [receipts.sha256(receipt) for receipt in chain[:-1]]


@on_a_server
@pytest.mark.django_db(transaction=True)
def test_enrolling_and_erasing_at_once_ends_in_one_or_the_other(client: Client, owner: User, model: FaceModel) -> None:
    """Whoever comes first: afterwards there is nothing, and the erased job answers 410."""
    for delayed in (False, True):
        person = Person.objects.get(pk=enrol_astronaut(client, photos=[file_of(astronaut(), quality=80 + delayed)])["person"]["id"])
        sent = post(client, "faces-enrol", photos=[file_of(astronaut(), quality=50 + delayed)], person=person.pk)
        job = Job.objects.claim("faces", ME)
        assert job is not None
        run_of_job = runs.JobRun(job)
        end = runs.predicted(job, model, run_of_job)
        go = threading.Barrier(2)

        def erased(person: Person = person, go: threading.Barrier = go) -> None:
            try:
                go.wait()
                erase(client_of(owner, SCOPES), person.pk)
            finally:
                connection.close()

        thread = threading.Thread(target=erased)
        thread.start()
        go.wait()
        state = runs.recorded(job, end, run_of_job, runs.nobody)
        thread.join()
        assert state in (State.SUCCEEDED, State.CANCELED)
        assert Template.objects.count() == Person.objects.count() == 0
        assert client.get(f"/api/v1/jobs/{sent['id']}").status_code == 410


def test_consent_fields_are_those_that_are_stored(client: Client) -> None:
    enrol_astronaut(client)
    consent = Consent.objects.get()
    assert (consent.version, consent.given_at.isoformat()) == (CONSENT["consent_version"], "2026-11-01T10:00:00+00:00")
