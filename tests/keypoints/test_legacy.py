"""The old garment app, as `contracts/legacy-clients.md` section 1 describes what it sends and reads. No model runs here."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import Any

import numpy as np
import pytest
from django.test import Client
from PIL import Image

from fitsize.models import ApiKey, User
from keypoints.geometry import Point
from keypoints.landmarks import OLD_TYPES, OldType, Visibility
from keypoints.legacy import keypoint, task_result
from keypoints.results import point_result
from tasks.errors import Code
from tasks.models import Claimant, Job
from tests.keypoints.results import skirt

SUBMIT, STATUS = "/keypoints/execScript/", "/keypoints/taskStatus/{}/"
ME = Claimant(worker="keypoints@here", life="my-life", pid=1, fresh=True)
NAMES = {
    "trousers": "waistband_left waistband_right crotch bottom_left_in bottom_left_out bottom_right_in bottom_right_out",
    "skirt": "waistband_left waistband_right hemline_left hemline_right",
    "outwear": "neckline_left neckline_right shoulder_left shoulder_right armpit_left armpit_right cuff_left_in cuff_left_out cuff_right_in"
    " cuff_right_out top_hem_left top_hem_right waistline_left waistline_right",
    "blouse": "neckline_left neckline_right center_front shoulder_left shoulder_right armpit_left armpit_right cuff_left_in cuff_left_out"
    " cuff_right_in cuff_right_out top_hem_left top_hem_right",
    "dress": "neckline_left neckline_right center_front shoulder_left shoulder_right armpit_left armpit_right waistline_left"
    " waistline_right cuff_left_in cuff_left_out cuff_right_in cuff_right_out hemline_left hemline_right",
}


@pytest.fixture(autouse=True)
def let_in(settings: Any) -> None:
    settings.LEGACY_CLIENTS = ["garment-app"]


@pytest.fixture
def app() -> Client:
    """Without a key."""
    return Client()


@pytest.fixture
def picture() -> str:
    file = io.BytesIO()
    Image.new("RGB", (300, 400)).save(file, "JPEG")
    return base64.b64encode(file.getvalue()).decode()


def send(app: Client, clothing: Any, image: str, content_type: str = "") -> Any:
    return app.generic("POST", SUBMIT, json.dumps({"clothing": clothing, "image": image}), content_type=content_type)


@pytest.mark.django_db
@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded"])
def test_a_task_from_its_photo_to_its_result(app: Client, picture: str, content_type: str) -> None:
    answer = send(app, "skirt", picture, content_type)
    assert (answer.status_code, list(answer.json())) == (200, ["task_id"])
    task = STATUS.format(answer.json()["task_id"])
    assert app.get(task).json() == {"status": "PENDING", "result": None}
    job = Job.objects.claim("keypoints", ME)
    assert job is not None
    assert app.get(task).json() == {"status": "STARTED", "result": None}
    assert (job.parameters["reference"], job.parameters["square_cm"]) == ("checkerboard", 1.0)
    job.end("succeeded", result=with_board(skirt()))
    status = app.get(task).json()
    assert (status["status"], list(status["result"])) == ("SUCCESS", ["keypoints", "cb_box_distance"])
    assert status["result"]["keypoints"]["waistband_left"] == "array([100, 100,   1], dtype=int16)"
    assert status["result"]["cb_box_distance"] == 10.0


def with_board(result: dict[str, Any]) -> dict[str, Any]:
    return {**result, "scale": {**result["scale"], "reference": "checkerboard"}}


@pytest.mark.django_db
def test_a_job_that_failed_is_a_failure(app: Client, picture: str) -> None:
    task = STATUS.format(send(app, "skirt", picture).json()["task_id"])
    job = Job.objects.claim("keypoints", ME)
    assert job is not None
    job.fail(Code.INVALID_IMAGE, "broken")
    assert app.get(task).json() == {"status": "FAILURE", "result": None}


@pytest.mark.django_db
@pytest.mark.parametrize("task", ["00000000-0000-4000-8000-000000000000", "nonsense"])
def test_an_unknown_task_is_404(app: Client, task: str) -> None:
    assert app.get(STATUS.format(task)).status_code == 404


@pytest.mark.django_db
def test_another_owners_job_is_unknown(app: Client, client: Client, picture: str) -> None:
    made = client.post("/api/v1/keypoints", {"image": picture, "clothing": "skirt"}, content_type="application/json").json()
    assert app.get(STATUS.format(made["id"])).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("clothing", ["t-shirt", "hat", None, 3])
def test_an_unknown_type_is_refused_with_the_choices(app: Client, picture: str, clothing: Any) -> None:
    answer = send(app, clothing, picture)
    assert answer.status_code == 400
    if isinstance(clothing, str):
        assert all(old.name in answer.content.decode() for old in OLD_TYPES)


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["", "nonsense", "[]", '{"clothing": "skirt"}', '{"clothing": "skirt", "image": "not a picture"}'])
def test_what_is_no_request_is_refused(app: Client, body: str) -> None:
    assert app.generic("POST", SUBMIT, body, content_type="").status_code == 400
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_without_the_setting_there_is_nothing(app: Client, picture: str, settings: Any) -> None:
    task = send(app, "skirt", picture).json()["task_id"]
    settings.LEGACY_CLIENTS = []
    assert (send(app, "skirt", picture).status_code, app.get(STATUS.format(task)).status_code) == (404, 404)


@pytest.mark.django_db
def test_its_jobs_are_one_accounts_and_revoking_its_key_shuts_it_out(app: Client, picture: str) -> None:
    for _ in range(2):
        send(app, "skirt", picture)
    account = User.objects.get(username="old-clients")
    assert ({job.owner_id for job in Job.objects.all()}, account.has_usable_password()) == ({account.pk}, False)
    ApiKey.objects.filter(owner=account).update(revoked_at="2026-01-01T00:00Z")
    assert send(app, "skirt", picture).status_code == 401


@pytest.mark.django_db
def test_an_account_that_is_somebodys_is_not_taken(app: Client, picture: str, owner: User, settings: Any) -> None:
    settings.LEGACY_ACCOUNT = owner.username
    assert send(app, "skirt", picture).status_code == 401


@pytest.mark.parametrize("old", OLD_TYPES, ids=lambda old: old.name)
def test_the_key_points_have_the_old_names_in_the_old_order(old: OldType) -> None:
    points = [point_result(Point(name, 12.4, 73.6, 0.9)) for name in sorted(set(old.points.values()))]
    told = task_result({"clothing": old.name, "points": points, "scale": None})
    assert " ".join(told["keypoints"]) == NAMES[old.name]
    assert set(told["keypoints"].values()) == {"array([12, 74,  1], dtype=int16)"}


@pytest.mark.parametrize("scale", [None, {"reference": "aruco_sheet", "px_per_cm": 9.6}])
def test_without_a_board_there_is_no_distance_of_its_squares(scale: Any) -> None:
    assert task_result({**skirt(), "scale": scale})["cb_box_distance"] is None


@pytest.mark.parametrize(
    ("x", "y", "visibility", "numbers"),
    [
        (73.2, 157.4, Visibility.VISIBLE, [73, 157, 1]),
        (-3.6, 1204.5, Visibility.HIDDEN, [-4, 1204, 0]),
        (99_999, -99_999, Visibility.VISIBLE, [32767, -32767, 1]),
        (5, 5, Visibility.ABSENT, [-1, -1, -1]),
    ],
)
def test_a_point_is_written_as_numpy_writes_it_and_read_as_the_app_reads_it(
    x: float, y: float, visibility: Visibility, numbers: list[int]
) -> None:
    written = keypoint(point_result(Point("hem_left", x, y, 0.9, visibility)))
    assert written == repr(np.array(numbers, dtype=np.int16))
    assert [int(part) for part in re.split(r"\[|\]", written)[1].split(",")] == numbers


def test_a_point_that_the_category_does_not_have_is_absent() -> None:
    assert keypoint(None) == "array([-1, -1, -1], dtype=int16)"
