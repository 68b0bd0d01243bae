"""What an installation says of itself."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from tasks.capabilities import capabilities
from tasks.errors import Code
from tasks.kinds import kinds

OF_FACES = ("validate", "verify", "challenge", "enrol", "identify", "bulk_enrol")


@pytest.fixture
def told() -> dict[str, Any]:
    """To a client without a key, and without a look at the database."""
    answer = Client().get("/api/v1/")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


def test_every_kind_is_told_with_what_it_can_be_asked(told: dict[str, Any]) -> None:
    assert set(told["kinds"]) == set(kinds())
    operations = {f"{kind}/{name}" for kind, facts in told["kinds"].items() for name in facts["operations"] if kind != "fakes"}
    assert operations == {"keypoints/predict", "diarization/predict", "diarization/recluster", *(f"faces/{name}" for name in OF_FACES)}


def test_what_the_settings_switch_off_is_told_as_not_available(told: dict[str, Any]) -> None:
    of_faces = told["kinds"]["faces"]["operations"]
    assert {name: facts["available"] for name, facts in of_faces.items() if not facts["available"]} == {
        "identify": False,
        "challenge": False,
    }
    assert told["kinds"]["keypoints"]["operations"]["predict"]["available"]


@pytest.mark.django_db
def test_every_operation_of_a_real_kind_has_its_address(client: Client, told: dict[str, Any], settings: Settings) -> None:
    settings.FACE_LANDMARKS = 68  # a challenge needs them
    addresses = [facts["submit"] for kind, told_of in told["kinds"].items() if kind != "fakes" for facts in told_of["operations"].values()]
    assert len(addresses) == 3 + len(OF_FACES) and "/api/v1/jobs/{id}/recluster" in addresses
    codes = {client.post(address.replace("{id}", str(uuid4()))).json()["code"] for address in addresses}
    assert codes == {"invalid_request", "forbidden", "not_found"}  # forbidden without the scopes for people; there is no such job


def test_a_field_tells_what_may_be_sent(told: dict[str, Any]) -> None:
    recording = told["kinds"]["diarization"]["operations"]["predict"]["fields"]
    audio, count = recording["audio"], recording["num_speakers"]
    assert (audio["required"], audio["max_bytes"], audio["max_seconds"]) == (True, 500_000_000, 14_400)
    assert (count["required"], count["type"], count["min_value"], count["max_value"]) == (False, "integer", 1, 20)
    garment = told["kinds"]["keypoints"]["operations"]["predict"]["fields"]
    assert garment["image"]["media_types"] == ["image/heic", "image/jpeg", "image/png", "image/webp"]
    assert (garment["image"]["max_pixels"], "trousers" in garment["clothing"]["choices"]) == (50_000_000, True)


def test_the_options_of_every_submit_are_told_once(told: dict[str, Any]) -> None:
    types = {name: facts["type"] for name, facts in told["options"].items()}
    assert types.items() >= {"expires_in": "integer", "priority": "choice", "keep_input": "boolean"}.items()
    assert "priority" not in told["kinds"]["keypoints"]["operations"]["predict"]["fields"]


def test_formats_corrections_and_every_code_are_told(told: dict[str, Any]) -> None:
    assert list(told["kinds"]["diarization"]["operations"]["predict"]["result_formats"]) == [
        *("json", "rttm", "srt", "vtt", "csv", "audacity", "svg")
    ]
    assert told["kinds"]["diarization"]["operations"]["recluster"]["corrections"] is True
    assert (told["kinds"]["fakes"]["operations"]["speak"]["corrections"], told["languages"]) == (True, ["en", "fr"])
    assert set(told["codes"]) == {str(code) for code in Code}
    assert told["codes"]["queue_full"] == {"status": 503, "retryable": True}


def test_limits_are_those_of_the_settings(settings: Any) -> None:
    settings.LONGEST_WAIT_SECONDS = 7
    capabilities.cache_clear()
    try:
        assert capabilities()["limits"]["wait_seconds"] == 7
    finally:
        capabilities.cache_clear()


def test_what_has_not_changed_is_not_sent_again() -> None:
    first = Client().get("/api/v1/")
    again = Client().get("/api/v1/", headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content, first["Cache-Control"]) == (304, b"", "public, max-age=300")
