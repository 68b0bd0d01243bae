from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override
from PIL import Image, ImageOps
from pytest_django import Settings

from faces.answers import challenged
from faces.inference.challenge import wanting
from faces.inference.model import FaceModel
from faces.serializers import ChallengeResultSerializer
from tasks.errors import InvalidInput
from tasks.inference.model import Run
from tests.faces.pictures import astronaut, file_of, two_astronauts


def challenge(model: FaceModel, before: Image.Image, after: Image.Image, direction: str = "left") -> dict[str, Any]:
    return model.challenge(Run(), before=file_of(before), after=file_of(after), direction=direction)  # type: ignore[arg-type]


@pytest.fixture
def many(model_with_68_points: FaceModel, settings: Settings) -> FaceModel:
    settings.FACE_LANDMARKS = 68
    return model_with_68_points


@pytest.mark.parametrize(
    ("direction", "before", "after", "distance", "said"),
    [
        ("right", 0, 15, 0.3, []),
        ("right", -10, 5, 0.55, []),
        ("left", 10, -5, 0.3, []),
        ("right", 0, 14.9, 0.3, ["turned_too_little"]),
        ("left", 0, -7, 0.3, ["turned_too_little"]),
        ("left", 0, 20, 0.3, ["wrong_direction"]),
        ("right", 0, -20, 0.3, ["wrong_direction"]),
        ("right", 0, 20, 0.56, ["other_person"]),
        ("right", 0, 0, 0.56, ["other_person", "turned_too_little"]),
    ],
)
def test_a_turn_has_to_be_far_enough_in_the_asked_direction_of_one_person(
    direction: Any, before: float, after: float, distance: float, said: list[str]
) -> None:
    assert [reason for reason, _ in wanting(direction, before, after, distance)] == said


def test_a_still_picture_does_not_pass_and_the_answer_says_what_passing_is_worth(many: FaceModel) -> None:
    result = challenge(many, astronaut(), astronaut())
    serializer = ChallengeResultSerializer(data=json.loads(json.dumps(result)))
    assert serializer.is_valid(), serializer.errors
    assert (result["verdict"], result["reasons"], result["distance"]) == ("not_passed", ["turned_too_little"], 0)
    assert len(result["stops"]) == 1 and any("deepfake" in text for text in result["does_not_stop"])


def test_the_mirrored_picture_turns_by_twice_the_angle_the_other_way(many: FaceModel) -> None:
    result = challenge(many, astronaut(), ImageOps.mirror(astronaut()))
    assert result["yaw_after"] == pytest.approx(-result["yaw_before"], abs=5)
    assert result["before"]["picture"]["rotation"] == result["after"]["picture"]["rotation"] == 0


def test_a_challenge_is_explained_in_the_readers_language(many: FaceModel) -> None:
    result = challenge(many, astronaut(), astronaut())
    with override("fr"):
        said = challenged(result)
    assert said["next_step"] != result["next_step"] and said["does_not_stop"][2] == "Une photo que l'on plie."


SIDEWAYS = astronaut().rotate(90, expand=True)


@pytest.mark.parametrize(
    ("after", "code"),
    [
        (Image.new("RGB", (300, 200), "gray"), "no_face"),
        (two_astronauts(), "several_faces"),
        (SIDEWAYS, "no_face"),
    ],
)
def test_each_picture_shows_one_upright_face(many: FaceModel, after: Image.Image, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        challenge(many, astronaut(), after)
    assert refused.value.code == code and "'after'" in refused.value.detail


@pytest.mark.django_db
def test_with_5_points_a_challenge_is_refused_before_it_is_queued(client: Client) -> None:
    answer = client.post(reverse("faces-challenge"), {"before": file_of(astronaut()), "after": file_of(astronaut()), "direction": "left"})
    assert (answer.status_code, answer.json()["code"]) == (409, "challenge_needs_68_points")


@pytest.mark.django_db
def test_with_68_points_it_is_accepted_and_needs_a_direction(client: Client, settings: Settings) -> None:
    settings.FACE_LANDMARKS = 68
    files = {"before": file_of(astronaut()), "after": file_of(astronaut())}
    assert client.post(reverse("faces-challenge"), files).status_code == 400
    files = {"before": file_of(astronaut()), "after": file_of(astronaut())}
    assert client.post(reverse("faces-challenge"), {**files, "direction": "right"}).status_code == 202
