"""The old selfie app, as `contracts/legacy-clients.md` section 3 describes what it sends and reads."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from faces.inference.model import FaceModel
from faces.legacy import DEFAULTS, limits_with, reasons
from tasks import runs
from tasks.errors import Code
from tasks.models import Claimant, Job, Priority
from tasks.waiting import FRONT, HOLD
from tests.faces.pictures import astronaut, file_of, two_astronauts
from tests.tasks.jobs import play_child

pytestmark = pytest.mark.django_db
ADDRESS = "/api/validate-selfie"
ME = Claimant(worker="faces@here", life="my-life", pid=1, fresh=True)


@pytest.fixture(autouse=True)
def let_in(settings: Any) -> None:
    settings.LEGACY_CLIENTS = ["selfie-app"]


@pytest.fixture
def child(model: FaceModel, monkeypatch: pytest.MonkeyPatch) -> None:
    play_child(monkeypatch, model, "faces@here")


def send(file: io.BytesIO | None = None, front: str | None = "", **fields: Any) -> Any:
    """As the app does: without a key, and with a field more than we need. `front`: "" in a first pass, a job in a second, None without."""
    environ: Any = {} if front is None else {FRONT: front}
    body = {"file": file or file_of(astronaut()), "debug": "true", **fields}
    return Client().post(ADDRESS, {} if front else body, **environ)


def answered(picture: Image.Image) -> Any:
    """Both passes, with the worker between them."""
    held = send(file_of(picture))[HOLD].split()
    assert held[1] == "60"
    runs.run_jobs("faces")
    return send(front=held[0])


@pytest.mark.usefixtures("child")
def test_a_good_selfie_is_valid() -> None:
    answer = answered(astronaut())
    assert (answer.status_code, answer.json()["valid"]) == (200, True)
    assert len(answer.json()["debug"]["faces"]) == 1
    assert Job.objects.get().operation == "validate"


@pytest.mark.usefixtures("child")
@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (Image.new("RGB", (640, 480), "teal"), "Aucun visage"),
        (two_astronauts(), "Plusieurs visages"),
        (astronaut().resize((256, 256)), "trop petit"),
    ],
)
def test_a_bad_one_is_refused_in_french(picture: Image.Image, reason: str) -> None:
    answer = answered(picture)
    assert (answer.status_code, list(answer.json()), answer["Content-Language"]) == (400, ["detail"], "fr")
    assert reason in answer.json()["detail"]


@pytest.mark.parametrize("content", [b"no picture at all", file_of(astronaut()).getvalue() + bytes(15_000_000)])
def test_what_is_no_selfie_is_refused_at_once_in_french(content: bytes) -> None:
    answer = send(SimpleUploadedFile("selfie.jpg", content))  # type: ignore[arg-type]  # a file as good as another
    assert (answer.status_code, list(answer.json()), answer["Content-Type"]) == (400, ["detail"], "application/json")
    assert "fichier" in answer.json()["detail"]
    assert not Job.objects.exists()


def test_a_picture_that_only_the_worker_can_refuse_is_a_400_too() -> None:
    job = send()[HOLD].split()[0]
    claimed = Job.objects.claim("faces", ME)
    assert claimed is not None
    claimed.fail(Code.TRUNCATED_IMAGE, "The picture ends before its end.")
    answer = send(front=job)
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


@pytest.mark.parametrize("code", [Code.WORKER_CRASHED, Code.TIMEOUT, Code.INTERNAL_ERROR])
def test_what_is_our_fault_is_503_with_a_time_to_come_again(code: Code) -> None:
    job = send()[HOLD].split()[0]
    claimed = Job.objects.claim("faces", ME)
    assert claimed is not None
    claimed.fail(code, "")
    answer = send(front=job)
    assert (answer.status_code, "Retry-After" in answer) == (503, True)


@pytest.mark.parametrize("front", [None, "the job"])
def test_who_has_waited_long_enough_is_told_to_come_again_and_the_job_is_canceled(front: str | None) -> None:
    answer = send(front=None) if front is None else send(front=send()[HOLD].split()[0])
    assert (answer.status_code, "Retry-After" in answer) == (503, True)
    assert Job.objects.get().state == "canceled"


def test_fields_that_the_old_service_did_not_know_are_nothing_however_often_they_come() -> None:
    odd: Any = {
        "debug": ["true", "true"],
        "expires_in": "5",
        "priority": "batch",
        "keep_input": "perhaps",
        "callback_url": "https://example.com/",
    }
    assert HOLD in send(**odd)
    job = Job.objects.get()
    assert (job.endpoint_id, job.priority, job.keep_input) == (None, Priority.INTERACTIVE, False)


def test_what_nobody_waits_for_any_more_is_not_run() -> None:
    send()
    job = Job.objects.get()
    assert job.expires_at is not None and (job.expires_at - job.created_at).total_seconds() == pytest.approx(60, abs=1)


def test_without_the_setting_there_is_nothing(settings: Any) -> None:
    settings.LEGACY_CLIENTS = ["garment-app"]
    assert send().status_code == 404


def face(x: float, width: float, height: float = 0.0, score: float = 1.0) -> dict[str, float]:
    return {"x": x, "y": 0, "width": width, "height": height or width, "score": score}


def result(*faces: dict[str, float], sharpness: float | None = 100.0, side: int = 1000) -> dict[str, Any]:
    checks = [{"name": "Sharpness", "value": sharpness}]
    return {"picture": {"width": side, "height": side}, "faces": list(faces), "checks": checks}


@pytest.mark.parametrize(
    ("seen", "refused"),
    [
        (result(face(0, 300)), False),
        (result(face(0, 300, score=0.2)), True),
        (result(face(0, 300), face(400, 180)), True),  # 36 % of the main face
        (result(face(0, 300), face(400, 170)), False),  # 32 %: somebody behind
        (result(face(0, 300), face(100, 300)), False),  # the same face twice
        (result(face(0, 300), face(400, 180, score=0.1)), False),
        (result(face(0, 85)), True),  # 0.7 % of the picture
        (result(face(0, 90), sharpness=25), False),
        (result(face(0, 70), side=500), True),  # 4900 square pixels
        (result(face(0, 43, 200), side=500), True),
        (result(face(0, 300), sharpness=17.9), True),
        (result(face(0, 105), sharpness=24), True),  # 1.1 % of the picture: it has to be sharper
        (result(face(0, 300), sharpness=None), False),  # too dark to tell: the old service only wrote that down
    ],
)
def test_a_picture_is_judged_by_the_old_rules(seen: dict[str, Any], refused: bool) -> None:
    assert bool(list(reasons(seen))) is refused


def test_an_installation_may_set_limits_of_its_own() -> None:
    assert limits_with({"sharpness": "30"}) == DEFAULTS | {"sharpness": 30}
    assert list(reasons(result(face(0, 300), sharpness=20), limits_with({"sharpness": "30"})))
    for wrong in ({"sharpnes": "30"}, {"sharpness": "much"}):
        with pytest.raises(ImproperlyConfigured, match="SELFIE_APP_LIMITS"):
            limits_with(wrong)
