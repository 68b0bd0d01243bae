"""People read problems in their language; programs read codes."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.translation import get_language, override
from hypothesis import given
from hypothesis import strategies as st

from fitsize.models import User
from tasks import runs
from tasks.deaths import Death
from tasks.errors import Code, InvalidInput, document, warning
from tasks.languages import localized, preferred, sentence, translated
from tasks.models import Job, Stopping
from tests.conftest import client_of
from tests.fakes.inference.model import FakeModel
from tests.tasks.jobs import claimed, fresh

FRENCH = {"accept-language": "fr-FR,fr;q=0.9,en;q=0.5"}
LIMIT = "The job ran longer than the %(seconds)s s that it may take."


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("fr", "fr"),
        ("FR-ca", "fr"),
        ("en-GB,fr;q=0.9", "en"),
        ("fr;q=0.3, en;q=0.7", "en"),
        ("de, fr;q=0.5, en;q=0.4", "fr"),
        ("fr;q=0", "en"),
        ("de", "en"),
        ("*", "en"),
        ("", "en"),
        ("fr;q=x", "en"),
        (",;=", "en"),
    ],
)
def test_the_language_that_is_liked_best_of_ours_is_spoken(accept: str, language: str) -> None:
    assert preferred(accept) == language


@given(st.text(st.characters(codec="latin1"), max_size=60))
def test_any_header_leads_to_a_language(accept: str) -> None:
    assert preferred(accept) in ("en", "fr")


@pytest.mark.parametrize(("headers", "language", "title"), [({}, "en", "There is no such"), (FRENCH, "fr", "Cette ressource n'existe pas")])
@pytest.mark.parametrize("address", ["/nowhere", "/api/v1/jobs/4b2d7a3a-0000-4000-8000-000000000000"])
def test_a_problem_is_told_in_the_language_of_its_reader(
    client: Client, address: str, headers: dict[str, str], language: str, title: str
) -> None:
    answer = client.get(address, headers=headers)
    assert (answer["Content-Language"], answer["Vary"], answer.json()["code"]) == (language, "Accept-Language", "not_found")
    assert answer.json()["title"].startswith(title)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "field", "detail"),
    [
        ({"expires_in": "x"}, "expires_in", "Un nombre entier valide est requis."),
        ({"colour": "red"}, "colour", "Ce champ n'existe pas ; les champs sont "),
        ({"file": ""}, "file", "Le fichier est vide."),
        ({"image": "!!!"}, "image", "Ceci n'est pas du base64."),
        ({"image": "aGVsbG8="}, "image", "Le fichier n'est pas une image JPEG, PNG, WebP ou HEIC."),
    ],
)
def test_what_is_wrong_with_a_field_is_told_so_too(client: Client, fields: dict[str, str], field: str, detail: str) -> None:
    problem = client.post("/api/v1/fakes/echo", fields, content_type="application/json", headers=FRENCH).json()
    assert problem["errors"][0]["field"] == field
    assert problem["errors"][0]["detail"].replace("\u00a0", " ").startswith(detail)
    assert problem["detail"].replace("\u00a0", " ").startswith(f"{field}: {detail}")


@pytest.mark.django_db
def test_a_choice_is_told_with_the_choices(client: Client) -> None:
    url = "/api/v1/keypoints"
    told = [client.post(url, {"clothing": "x"}, headers=headers).json()["errors"] for headers in (FRENCH, {"accept-language": "en"})]
    [french, english] = [next(error["detail"] for error in errors if error["field"] == "clothing") for errors in told]
    assert french.startswith("Ce type de vêtement")
    assert english.startswith("There is no such clothing; the choices are short_sleeve_top,")
    assert french.endswith("jeans.")


@pytest.mark.django_db
def test_a_key_without_a_scope_is_told_in_french(owner: User) -> None:
    answer = client_of(owner, []).post("/api/v1/fakes/echo", {}, headers=FRENCH)
    assert (answer.status_code, answer.json()["detail"]) == (403, "Cette clé d'API n'a pas accès à ce type.")


@pytest.mark.django_db
def test_a_failed_job_tells_each_reader_in_his_language(client: Client, owner: User) -> None:
    job = claimed(owner)
    job.stopping = Stopping.TIMEOUT
    job.stopped()
    stored: Any = fresh(job).error
    assert (stored["detail"], stored["message"]["values"]) == ("The job ran longer than the 60 s that it may take.", {"seconds": "60"})
    english, french = (client.get(f"/api/v1/jobs/{job.pk}", headers=headers) for headers in ({}, FRENCH))
    assert (english.json()["error"]["detail"], english.json()["error"]["title"]) == (stored["detail"], "The job ran past its deadline")
    assert french.json()["error"] == english.json()["error"] | {
        "title": "La tâche a dépassé son délai",
        "detail": "La tâche a dépassé les 60 s qui lui étaient accordées.",
    }
    assert "message" not in english.json()["error"]
    assert english["ETag"] != french["ETag"]
    assert "Accept-Language" in french["Vary"]
    assert client.get("/api/v1/jobs", headers=FRENCH).json()["results"][0]["error"] == french.json()["error"]


@pytest.mark.django_db
def test_what_a_model_refuses_and_warns_of_is_told_in_french(client: Client, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(run: Any, **arguments: Any) -> dict[str, Any]:
        return {"warnings": [warning("no_scale", sentence("Not clearly seen, check them: %(points)s.", points="a, b"))]}

    def refuse(run: Any, **arguments: Any) -> dict[str, Any]:
        raise InvalidInput(Code.NO_FACE)

    monkeypatch.setattr(worker, "echo", warn)
    monkeypatch.setattr(worker, "refuse", refuse)
    addresses = [client.post(f"/api/v1/fakes/{operation}", {"text": "x"})["Location"] for operation in ("echo", "refuse")]
    runs.run_jobs("fakes")
    warned, refused = (client.get(address, headers=FRENCH).json() for address in addresses)
    assert warned["warnings"] == [{"code": "no_scale", "detail": "Mal visibles, à vérifier\u00a0: a, b."}]
    assert (refused["error"]["code"], refused["error"]["detail"]) == ("no_face", "Aucun visage n'a été trouvé dans l'image")


@pytest.mark.django_db
def test_a_verdict_on_a_crash_is_told_in_french(client: Client, owner: User) -> None:
    job = claimed(owner)
    Job.objects.filter(pk=job.pk).update(crashes=2)
    job.crashes = 2
    job.settle(Death("SIGABRT"))
    detail = client.get(f"/api/v1/jobs/{job.pk}", headers=FRENCH).json()["error"]["detail"]
    assert detail == "Le processus du modèle s'est arrêté 3 fois sur cette entrée (SIGABRT)."


@pytest.mark.parametrize(
    "stored",
    [
        {"detail": "Of another time."},
        {"detail": "Of another time.", "message": None},
        {"detail": "Of another time.", "message": {"id": LIMIT}},
        {"detail": "Of another time.", "message": {"id": LIMIT, "values": {"minutes": 1}}},
        {"detail": "Of another time.", "message": {"id": "100 %", "values": {}}},
        {"detail": "Of another time.", "message": {"id": 7, "values": {}}},
        {"detail": "Of another time.", "message": "text"},
    ],
)
def test_what_was_stored_otherwise_stays_english(stored: dict[str, Any]) -> None:
    with override("fr"):
        assert localized(stored) == {"detail": "Of another time."}


def test_what_is_stored_is_english_whatever_is_spoken() -> None:
    with override("fr"):
        stored = document(Code.TIMEOUT, sentence(LIMIT, seconds="60"))
    assert (stored["title"], stored["detail"]) == ("The job ran past its deadline", "The job ran longer than the 60 s that it may take.")


def test_nothing_is_translated_of_nothing() -> None:
    with override("fr"):
        assert translated("") == ""


def test_a_thread_keeps_nothing_of_the_language_of_a_request(client: Client) -> None:
    client.get("/nowhere", headers=FRENCH)
    assert get_language() == "en"
    assert client.get("/nowhere").json()["title"] == "There is no such resource"
    with pytest.raises(RuntimeError), override("fr", deactivate=True):
        raise RuntimeError
    assert get_language() == "en"


@pytest.mark.django_db
def test_a_file_that_is_too_large_is_told_with_its_size(client: Client, settings: Any) -> None:
    settings.MAX_PICTURE_BYTES = 10
    answer = client.post("/api/v1/fakes/echo", {"image": SimpleUploadedFile("x", b"x" * 11)}, headers=FRENCH)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.json()["errors"][0]["detail"] == "Le fichier fait 11 octets\u00a0; la limite est de 10."
