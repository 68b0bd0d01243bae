"""A person moves points of a garment; its lengths follow."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from fitsize.models import User
from keypoints.corrections import move, remeasure
from keypoints.geometry import Scale, measure
from keypoints.results import points_in, scale_in, scale_result
from keypoints.serializers import PredictResultSerializer
from tasks.errors import InvalidInput
from tasks.kinds import kinds
from tasks.models import Claimant, Job
from tests.conftest import client_of
from tests.keypoints.results import HORIZON_AT_THE_TOP, TEN_PIXELS_A_CENTIMETRE, skirt
from tests.tasks.jobs import claimed, fresh

HEM = {"points": [{"name": "hem_right", "x": 370.0, "y": 600.0}]}


def lengths(result: dict[str, Any]) -> dict[str, float]:
    return {measured["name"]: measured["value_cm"] for measured in result["measurements"]}


def length(result: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(measured for measured in result["measurements"] if measured["name"] == name)
    return found


def moved(result: dict[str, Any], *patches: dict[str, Any]) -> dict[str, Any]:
    for patch in patches:
        result = move(result, patch)
    return remeasure(result)


# -- on a result


def test_lengths_follow_a_moved_point() -> None:
    assert lengths(skirt())["hem_width"] == 30
    assert lengths(moved(skirt(), HEM)) == {**lengths(skirt()), "hem_width": 32}


def test_a_moved_point_is_sure_and_marked_and_the_others_are_as_they_were() -> None:
    before, after = skirt(confidence=0.4), move(skirt(confidence=0.4), HEM)
    changed = {"name": "hem_right", "x": 370.0, "y": 600.0, "confidence": 1.0, "visibility": "visible", "estimated": False, "moved": True}
    assert after["points"] == [changed if point["name"] == "hem_right" else point for point in before["points"]]


def test_what_is_moved_is_not_the_models_own() -> None:
    own = skirt()
    moved(own, HEM)
    assert own == skirt()


def test_a_point_that_is_put_where_it_was_changes_no_length() -> None:
    there = {"points": [{"name": "hem_right", "x": 350.0, "y": 600.0}]}
    assert lengths(moved(skirt(), there)) == lengths(skirt())


def test_a_moved_point_makes_the_plus_minus_smaller_where_the_model_was_unsure() -> None:
    before = skirt(confidence=0.4)
    assert length(moved(before, HEM), "hem_width")["plus_minus_cm"] < length(before, "hem_width")["plus_minus_cm"]


def test_without_a_scale_lengths_follow_in_pixels() -> None:
    after = moved(skirt(homography=None), HEM)
    hem = length(after, "hem_width")
    assert (hem["value_px"], hem["value_cm"], after["scale"]) == (320, None, skirt(homography=None)["scale"])


def test_a_corrected_result_is_valid_for_its_serializer() -> None:
    described = PredictResultSerializer(data=json.loads(json.dumps(moved(skirt(), HEM))))
    assert described.is_valid(), described.errors


@pytest.mark.parametrize(
    ("name", "x", "y", "said"),
    [
        ("crotch", 10, 10, "no such points: crotch"),
        ("hem_right", 801, 10, "Too far outside of the picture: hem_right"),
        ("hem_right", 10, -701, "Too far outside"),
        ("hem_right", 10, -50, "horizon"),
        ("hem_right", 10, -60, "horizon"),
    ],
)
def test_a_place_that_cannot_be_is_refused(name: str, x: float, y: float, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        move(skirt(HORIZON_AT_THE_TOP), {"points": [{"name": name, "x": x, "y": y}]})


def test_a_garment_that_is_cut_by_the_frame_may_have_points_outside() -> None:
    assert move(skirt(), {"points": [{"name": "hem_right", "x": 800, "y": 1400}]})


def test_a_scale_in_a_result_is_the_scale_it_came_from() -> None:
    scale = Scale(((0.0512345678, 0.001, -3.25), (-0.001, 0.0523, 4.5), (1e-5, -2e-5, 1.0)), (TEN_PIXELS_A_CENTIMETRE,))
    points = points_in(skirt())
    read = scale_in({"scale": json.loads(json.dumps(scale_result(scale, points)))})
    assert read is not None
    for one, other in zip(measure(points, read), measure(points, scale), strict=True):
        assert one.centimetres == pytest.approx(other.centimetres, rel=1e-6)
        assert one.plus_minus == pytest.approx(other.plus_minus, rel=1e-5)


def test_a_scale_of_the_shrunk_picture_is_told_for_the_picture_as_sent() -> None:
    told = scale_result(Scale(TEN_PIXELS_A_CENTIMETRE), points_in(skirt()), enlargement=2)
    assert (told["px_per_cm"], told["homography"]) == (20, [[0.05, 0, 0], [0, 0.05, 0], [0, 0, 1]])


# -- over HTTP


@pytest.fixture
def job(owner: User) -> Job:
    Job.objects.submit(
        owner_id=owner.pk, kind=kinds()["keypoints"], operation="predict", parameters={"clothing": "skirt"}, uploads={}, units=1.0
    )
    submitted = Job.objects.claim("keypoints", Claimant(worker="keypoints@here", life="my-life", pid=1, fresh=True))
    assert submitted is not None
    submitted.end("succeeded", result=skirt())
    return fresh(submitted)


def patch(client: Client, job: Job, body: Any, tag: str = '"0"') -> Any:
    return client.patch(f"/api/v1/jobs/{job.pk}/points", body, content_type="application/json", headers={"if-match": tag})


def test_points_are_moved_at_their_own_address_and_both_versions_are_kept(client: Client, job: Job) -> None:
    answer = patch(client, job, HEM)
    assert (answer.status_code, answer["ETag"], lengths(answer.json()["result"])["hem_width"]) == (200, '"1"', 32)
    assert lengths(client.get(f"/api/v1/jobs/{job.pk}").json()["result"])["hem_width"] == 30
    (revision,) = client.get(f"/api/v1/jobs/{job.pk}/points").json()["history"]
    assert (revision["author"], revision["patch"]) == ("owner", HEM)


def test_lengths_follow_from_all_corrections_together(client: Client, job: Job) -> None:
    patch(client, job, HEM)
    answer = patch(client, job, {"points": [{"name": "hem_left", "x": 40, "y": 600}]}, '"1"')
    assert (length(answer.json()["result"], "hem_width")["value_cm"], len(answer.json()["history"])) == (33, 2)


def test_the_two_addresses_show_the_same(client: Client, job: Job) -> None:
    patch(client, job, HEM)
    assert client.get(f"/api/v1/jobs/{job.pk}/points").json() == client.get(f"/api/v1/jobs/{job.pk}/corrections").json()


@pytest.mark.parametrize(("tag", "status", "code"), [('"0"', 412, "stale_revision"), ("*", 428, "precondition_required")])
def test_a_stale_page_overwrites_nothing(client: Client, job: Job, tag: str, status: int, code: str) -> None:
    patch(client, job, HEM)
    answer = patch(client, job, {"points": [{"name": "hem_right", "x": 1, "y": 1}]}, tag)
    assert (answer.status_code, answer.json()["code"], fresh(job).revision) == (status, code, 1)


def test_a_correction_is_taken_back(client: Client, job: Job) -> None:
    patch(client, job, HEM)
    answer = client.post(f"/api/v1/jobs/{job.pk}/corrections/undo", headers={"if-match": '"1"'})
    assert answer.json()["result"] == json.loads(json.dumps(skirt()))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "points"),
        ({"points": []}, "points"),
        ({"points": [{"name": "hem_right", "x": 1}]}, "y"),
        ({"points": [{"name": "hem_right", "x": "1", "y": 1}]}, "x"),
        ({"points": [{"name": "hem_right", "x": True, "y": 1}]}, "x"),
        ({"points": [{"name": "hem_right", "x": 1, "y": 1, "z": 1}]}, "z"),
        ({"points": [{"name": "nose", "x": 1, "y": 1}]}, "name"),
        ({"points": HEM["points"] * 2}, "points"),
        ({"points": [{"name": "crotch", "x": 1, "y": 1}]}, ""),
        ({**HEM, "measurements": []}, "measurements"),
    ],
)
def test_a_patch_that_moves_nothing_that_is_there_is_refused(client: Client, job: Job, body: Any, field: str) -> None:
    answer = patch(client, job, body)
    assert (answer.status_code, answer.json()["code"], fresh(job).revision) == (400, "invalid_request", 0)
    assert answer.json()["errors"][0]["field"] == field


def test_strangers_and_other_kinds_jobs_have_no_points(client: Client, stranger: User, owner: User, job: Job) -> None:
    other = claimed(owner, "speak")
    other.end("succeeded", result={"speakers": []})
    assert patch(client_of(stranger), job, HEM).status_code == 404
    assert client.get(f"/api/v1/jobs/{other.pk}/points").status_code == 404


def test_the_formats_are_of_the_corrected_garment(client: Client, job: Job) -> None:
    patch(client, job, HEM)
    table = client.get(f"/api/v1/jobs/{job.pk}?format=csv").content.decode()
    assert "hem_width,32" in table
    garment = client.get(f"/api/v1/jobs/{job.pk}?format=coco")
    assert garment.json()["annotations"][0]["moved"] == ["hem_right"]
