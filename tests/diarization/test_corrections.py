"""People rename, merge and split speakers: beside the result, and only whose turns they are."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from diarization.corrections import correct, recount
from diarization.kind import KIND
from diarization.results import document
from diarization.serializers import CorrectionSerializer, PredictResultSerializer
from fitsize.models import User
from tasks.errors import InvalidInput
from tasks.models import Job
from tests.diarization.test_results import turn

A, B, C = "SPEAKER_00", "SPEAKER_01", "SPEAKER_02"
TURNS = [turn(0, 4, A, 0.9), turn(3, 6, B, 0.5), turn(5, 8, C, 0.7), turn(9, 12, A, 0.8)]
EXCLUSIVE = [turn(0, 3.5, A), turn(3.5, 5.5, B), turn(5.5, 8, C), turn(9, 12, A)]
RESULT: dict[str, Any] = {
    **deepcopy(PredictResultSerializer.example),
    **document(TURNS, EXCLUSIVE, 15),
    "duration_seconds": 15.0,
    "score": {"strict": {}},
}


def corrected(*patches: dict[str, Any], result: dict[str, Any] = RESULT) -> dict[str, Any]:
    for patch in patches:
        result = correct(result, patch)
    return recount(result)


def who(result: dict[str, Any], part: str = "turns") -> list[tuple[float, float, str]]:
    return [(each["start"], each["end"], each["speaker"]) for each in result[part]]


def test_a_speaker_gets_a_name_everywhere() -> None:
    found = corrected({"rename": {A: "Anna"}})
    assert [speaker["name"] for speaker in found["speakers"]] == ["Anna", B, C]
    assert who(found)[0] == (0.0, 4.0, "Anna") and who(found, "exclusive")[3] == (9.0, 12.0, "Anna")
    assert found["speakers"][0] == {**RESULT["speakers"][0], "name": "Anna"} and found["score"] == RESULT["score"]


def test_two_speakers_may_swap_names() -> None:
    assert [each[2] for each in who(corrected({"rename": {A: B, B: A}}))] == [B, A, C, B]


def test_merged_speakers_are_one_who_does_not_interrupt_himself() -> None:
    found = corrected({"merge": {"speakers": [B, C], "into": "Ben"}})
    assert who(found) == [(0.0, 4.0, A), (3.0, 8.0, "Ben"), (9.0, 12.0, A)]
    assert who(found, "exclusive") == [(0.0, 3.5, A), (3.5, 8.0, "Ben"), (9.0, 12.0, A)]
    assert (found["num_speakers_found"], found["speakers"][1]["confidence"], found["overlap_seconds"]) == (2, 0.6, 1.0)
    assert found["score"] is None


def test_turns_that_are_split_off_are_another_persons() -> None:
    found = corrected({"split": {"speaker": A, "turns": [3], "into": "Dora"}})
    assert [each[2] for each in who(found)] == [A, B, C, "Dora"] and [each[2] for each in who(found, "exclusive")] == [A, B, C, "Dora"]
    assert found["turns"][3]["confidence"] == 1.0 and found["num_speakers_found"] == 4
    assert found["score"] is None


def test_an_exclusive_stretch_is_cut_where_the_turn_that_was_split_off_ends() -> None:
    result = {**RESULT, **document(TURNS[:2], [turn(0, 12, A)], 15)}
    found = corrected({"split": {"speaker": A, "turns": [0], "into": "Dora"}}, result=result)
    assert who(found, "exclusive") == [(0.0, 4.0, "Dora"), (4.0, 12.0, A)]


def test_turns_may_be_given_to_another_speaker_of_the_result() -> None:
    found = corrected({"split": {"speaker": B, "turns": [1], "into": A}})
    assert who(found) == [(0.0, 6.0, A), (5.0, 8.0, C), (9.0, 12.0, A)]


def test_corrections_follow_one_another() -> None:
    found = corrected({"rename": {B: "Ben"}}, {"merge": {"speakers": ["Ben", C], "into": "Ben"}}, {"rename": {"Ben": C}})
    assert [each[2] for each in who(found)] == [A, C, A]


def test_what_is_corrected_stays_as_it_was() -> None:
    before = deepcopy(RESULT)
    merge, split = {"merge": {"speakers": [B, C], "into": B}}, {"split": {"speaker": "Anna", "turns": [0], "into": "Dora"}}
    corrected({"rename": {A: "Anna"}}, merge, split)
    assert before == RESULT


@pytest.mark.parametrize(
    "patch",
    [
        {"rename": {"Anna": "Ann"}},
        {"rename": {A: B}},
        {"rename": {A: "Ann", B: "Ann"}},
        {"merge": {"speakers": [A, "Anna"], "into": A}},
        {"merge": {"speakers": [A, B], "into": C}},
        {"split": {"speaker": "Anna", "turns": [0], "into": "Dora"}},
        {"split": {"speaker": A, "turns": [0, 1], "into": "Dora"}},
        {"split": {"speaker": A, "turns": [4], "into": "Dora"}},
    ],
)
def test_a_correction_that_does_not_fit_the_result_is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        correct(RESULT, patch)


@pytest.mark.parametrize(
    "patch",
    [
        {},
        {"rename": {}},
        {"rename": {A: ""}},
        {"rename": {A: "x" * 81}},
        {"rename": {A: "two\nlines"}},
        {"rename": {A: "right \u202eleft"}},
        {"rename": {A: None}},
        {"rename": {A: "Anna"}, "merge": {"speakers": [B, C], "into": B}},
        {"merge": {"speakers": [A], "into": A}},
        {"merge": {"speakers": [A, A], "into": A}},
        {"merge": {"speakers": [A, B]}},
        {"split": {"speaker": A, "turns": [], "into": "Dora"}},
        {"split": {"speaker": A, "turns": [-1], "into": "Dora"}},
        {"split": {"speaker": A, "turns": [0], "into": A}},
        {"split": {"speaker": A, "turns": [0], "into": "Dora", "from": 3}},
        {"turns": []},
    ],
)
def test_a_correction_that_makes_no_sense_is_refused(patch: dict[str, Any]) -> None:
    assert not CorrectionSerializer(data=patch).is_valid()


def test_what_looks_alike_is_one_name() -> None:
    form = CorrectionSerializer(data={"rename": {A: "  Zoe\u0308 "}})
    assert form.is_valid() and form.validated_data == {"rename": {A: "Zo\u00eb"}}


@pytest.fixture
def job(owner: User) -> Job:
    facts = {"deadline_seconds": 60, "lease": "mine", "state": "running", "started_at": timezone.now()}
    made = Job.objects.create(owner=owner, kind="diarization", operation="predict", **facts)
    made.end("succeeded", result={**RESULT, "score": None})
    return made


def test_the_result_is_corrected_beside_the_models_own_and_in_every_format(job: Job, client: Client) -> None:
    url = f"/api/v1/jobs/{job.pk}"
    headers = {"if-match": '"0"'}
    answer = client.patch(f"{url}/corrections", {"rename": {A: "Anna"}}, content_type="application/json", headers=headers)
    assert answer.status_code == 200, answer.content
    assert answer.json()["result"]["speakers"][0]["name"] == "Anna"
    assert client.get(url).json()["result"] == {**RESULT, "score": None}
    for form in KIND.operations["predict"].renderers:
        assert b"Anna" in client.get(f"{url}?format={form}").content
    stale = client.patch(f"{url}/corrections", {"rename": {B: "Ben"}}, content_type="application/json", headers=headers)
    assert stale.status_code == 412


def test_a_correction_that_does_not_fit_says_why(job: Job, client: Client) -> None:
    url, headers = f"/api/v1/jobs/{job.pk}/corrections", {"if-match": '"0"'}
    answer = client.patch(url, {"rename": {"Zoe": "Zo"}}, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (400, "Nobody of this name speaks: Zoe.")


def test_a_corrected_result_is_valid_for_its_serializer() -> None:
    found = {**corrected({"merge": {"speakers": [B, C], "into": "Ben"}}), "score": None}
    form = PredictResultSerializer(data=found)
    assert form.is_valid(), form.errors
