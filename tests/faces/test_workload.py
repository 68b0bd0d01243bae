"""The elastic face recognition's workload generator, as `contracts/legacy-clients.md` section 2 describes what it sends and reads."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from faces.inference.model import FaceModel
from faces.legacy import stem_of
from fitsize.models import ApiKey, User
from tasks import runs
from tasks.models import Job
from tasks.waiting import FRONT, HOLD
from tests.conftest import client_of
from tests.faces.people import SCOPES, enrol_astronaut
from tests.faces.pictures import astronaut, file_of, two_astronauts
from tests.tasks.jobs import play_child

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def let_in(settings: Any) -> None:
    settings.LEGACY_CLIENTS = ["workload-generator"]
    settings.FACES_IDENTIFY = True
    settings.FACES_IDENTIFY_PURPOSE = "a workload"


@pytest.fixture
def child(model: FaceModel, monkeypatch: pytest.MonkeyPatch) -> None:
    play_child(monkeypatch, model, "faces@here")


@pytest.fixture
def eileen(child: None) -> None:
    """Enrolled by a key of the old clients' account, which their first request makes."""
    send(Image.new("RGB", (64, 64)))
    Job.objects.all().delete()
    enrol_astronaut(client_of(User.objects.get(username="old-clients"), SCOPES))


def send(picture: Image.Image, name: str = "test_00.jpg", front: str | None = "") -> Any:
    environ: Any = {} if front is None else {FRONT: front}
    return Client().post("/", {"inputFile": SimpleUploadedFile(name, file_of(picture).getvalue())}, **environ)


def again(job: str) -> Any:
    environ: Any = {FRONT: job}
    return Client().post("/", **environ)


@pytest.mark.usefixtures("eileen")
def test_somebody_who_is_known_is_named_and_nobody_else() -> None:
    pictures = [astronaut(), astronaut().crop((120, 0, 340, 220)).resize((64, 64)), Image.new("RGB", (64, 64), "teal")]
    held = [send(picture)[HOLD].split()[0] for picture in pictures]
    runs.run_jobs("faces")
    answers = [again(job) for job in held]
    assert [answer.content.decode() for answer in answers] == ["test_00:Eileen", "test_00:Eileen", "test_00:unknown"]
    assert {(answer.status_code, answer["Content-Type"]) for answer in answers} == {(200, "text/plain; charset=utf-8")}


@pytest.mark.usefixtures("child")
def test_before_anybody_is_enrolled_everybody_is_unknown() -> None:
    held = send(two_astronauts())[HOLD].split()[0]
    runs.run_jobs("faces")
    assert again(held).content == b"test_00:unknown"


@pytest.mark.parametrize(
    ("file", "stem"),
    [("test_00.jpg", "test_00"), ("a:b.jpg", "a b"), ("../../etc/pass wd.tar.gz", "pass wd.tar"), ("x\n\0y.png", "x  y"), ("", "")],
)
def test_the_answer_has_one_line_and_one_colon_whatever_the_file_is_called(file: str, stem: str) -> None:
    assert stem_of(file) == stem


def test_who_has_waited_long_enough_is_told_to_come_again() -> None:
    answer = again(send(astronaut())[HOLD].split()[0])
    assert (answer.status_code, "Retry-After" in answer) == (503, True)


def test_what_is_no_picture_is_refused_with_a_problem() -> None:
    environ: Any = {FRONT: ""}
    answer = Client().post("/", {"inputFile": io.BytesIO(b"nothing")}, **environ)
    assert (answer.status_code, answer.json()["code"]) == (400, "unsupported_format")
    assert Client().post("/", {}, **environ).status_code == 400


def test_nobody_is_sought_where_that_is_off(settings: Any) -> None:
    settings.FACES_IDENTIFY = False
    answer = send(astronaut())
    assert (answer.status_code, answer.json()["code"]) == (403, "identify_off")


@pytest.mark.parametrize("clients", [[], ["workload-generator"]])
def test_a_look_at_the_root_finds_nothing_as_ever(settings: Any, clients: list[str]) -> None:
    settings.LEGACY_CLIENTS = clients
    looks = [Client().get(address) for address in ("/", "/nowhere")]
    assert looks[0].status_code == 404 and looks[0].json() == looks[1].json()
    assert Client().put("/").status_code == 404


def test_without_the_setting_nobody_is_answered(settings: Any) -> None:
    settings.LEGACY_CLIENTS = ["selfie-app"]
    assert (send(astronaut()).status_code, ApiKey.objects.count()) == (404, 0)
