"""Selfies are stored when that is asked, and only then."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from faces.inference import storing
from faces.inference.model import FaceModel
from faces.inference.storing import jpeg, store
from fitsize.models import User
from tasks import runs
from tasks.inference.model import Run
from tasks.models import Job, SavedFile
from tests.conftest import client_of
from tests.faces.people import SCOPES, enrol_astronaut
from tests.faces.pictures import astronaut, exif, file_of, two_astronauts
from tests.tasks.jobs import play_child

LOGGER = "faces.inference.storing"


def stored(picture: Image.Image) -> tuple[bytes, Image.Image]:
    run = Run()
    store(run, np.asarray(picture))
    content = run.files["selfie.jpg"]
    return content, Image.open(io.BytesIO(content))


def noise(side: int) -> Image.Image:
    """Nothing compresses worse."""
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8))


def test_a_stored_selfie_has_640_pixels_and_says_so_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, LOGGER):
        content, picture = stored(astronaut().resize((1280, 960)))
    assert (picture.format, picture.size) == ("JPEG", (640, 480))
    assert caplog.messages == [f"[SelfieCompress] 1280x960 -> {len(content)} bytes, quality 92"]


def test_a_small_one_is_not_enlarged() -> None:
    assert stored(astronaut().resize((300, 400)))[1].size == (300, 400)


@pytest.mark.parametrize("quality", storing.LEGACY_QUALITIES)
def test_the_old_rule_takes_the_first_quality_below_its_limit(settings: Any, monkeypatch: pytest.MonkeyPatch, quality: int) -> None:
    settings.SELFIE_STORE = "legacy"
    right = jpeg(noise(700), 600, quality)
    monkeypatch.setattr(storing, "LEGACY_BYTES", len(right) + 1)
    content, picture = stored(noise(700))
    assert (picture.size, content) == ((600, 600), right)


def test_the_old_rule_stores_what_no_quality_brings_below_its_limit(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SELFIE_STORE = "legacy"
    monkeypatch.setattr(storing, "LEGACY_BYTES", 1)
    assert stored(noise(700))[0] == jpeg(noise(700), 600, 45)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("picture", "asked", "files"),
    [
        (astronaut(), {"store": "true"}, ["selfie.jpg"]),
        (astronaut(), {"store": "false"}, []),
        (astronaut(), {}, []),
        (two_astronauts(), {"store": "true"}, []),
    ],
)
def test_only_a_usable_selfie_whose_sender_asks_is_a_file_of_its_job(
    client: Client, model: FaceModel, monkeypatch: pytest.MonkeyPatch, picture: Image.Image, asked: dict[str, str], files: list[str]
) -> None:
    play_child(monkeypatch, model, "faces@here")
    made = client.post(reverse("faces-validate"), {"selfie": file_of(picture), **asked})
    runs.run_jobs("faces")
    job = client.get(made["Location"]).json()
    assert [file["name"] for file in job["files"]] == files
    assert Job.objects.get().state == "succeeded"


def test_a_stored_selfie_stands_upright_and_has_no_exif(model: FaceModel) -> None:
    run = Run()
    lying = astronaut().transpose(Image.Transpose.ROTATE_90)
    assert model.validate(run, file_of(lying, exif=exif(1)), store=True)["valid"]
    again = model.validate(Run(), io.BytesIO(run.files["selfie.jpg"]))
    assert (again["valid"], again["picture"]["rotation"]) == (True, 0)
    assert not Image.open(io.BytesIO(run.files["selfie.jpg"])).getexif()


@pytest.mark.django_db(transaction=True)
def test_photos_of_an_enrolment_are_stored_if_they_are_taken_and_go_with_the_person(
    owner: User, model: FaceModel, monkeypatch: pytest.MonkeyPatch, own_files: Path
) -> None:
    play_child(monkeypatch, model, "faces@here")
    client = client_of(owner, SCOPES)
    result = enrol_astronaut(client, photos=[file_of(astronaut()), file_of(two_astronauts())], store="true")
    assert [file.name for file in SavedFile.objects.all()] == [f"{result['photos'][0]['photo']}.jpg"]
    assert len([path for path in own_files.rglob("*") if path.is_file()]) == 1
    assert client.delete(f"/api/v1/faces/people/{result['person']['id']}").status_code == 200
    assert [path for path in own_files.rglob("*") if path.is_file()] == [] == list(SavedFile.objects.all())
