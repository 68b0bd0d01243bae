from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from diarization.results import document
from diarization.serializers import PredictResultSerializer, PredictSerializer
from tests.diarization.sounds import tone, wav

RTTM = b"SPEAKER call 1 0.5 1.25 <NA> <NA> anna <NA> <NA>\n"


def serializer(**fields: Any) -> PredictSerializer:
    recording = SimpleUploadedFile("call.wav", wav(tone(2)))
    return PredictSerializer(data={"audio": recording, **fields})


@pytest.mark.parametrize(
    "fields",
    [{}, {"num_speakers": 2}, {"min_speakers": 2}, {"max_speakers": 20}, {"min_speakers": 3, "max_speakers": 3}, {"num_speakers": None}],
)
def test_what_is_known_of_the_number_of_speakers_may_be_sent(fields: dict[str, Any]) -> None:
    request = serializer(**fields)
    assert request.is_valid(), request.errors
    assert request.parameters() == {name: int(value) for name, value in fields.items() if value is not None}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"num_speakers": 0}, "num_speakers"),
        ({"num_speakers": -1}, "num_speakers"),
        ({"num_speakers": 21}, "num_speakers"),
        ({"num_speakers": "two"}, "num_speakers"),
        ({"min_speakers": 0}, "min_speakers"),
        ({"max_speakers": -1}, "max_speakers"),
        ({"num_speakers": 2, "max_speakers": 3}, "num_speakers"),
        ({"num_speakers": 2, "min_speakers": 1}, "num_speakers"),
        ({"min_speakers": 4, "max_speakers": 3}, "min_speakers"),
        ({"speakers": 2}, "speakers"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_by_name(fields: dict[str, Any], named: str) -> None:
    request = serializer(**fields)
    assert not request.is_valid()
    assert list(request.errors) == [named]


@pytest.mark.parametrize("channels", ["mix", "separate"])
def test_channels_are_mixed_or_apart(channels: str) -> None:
    request = serializer(channels=channels)
    assert request.is_valid(), request.errors
    assert request.parameters() == {"channels": channels}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"channels": "left"}, "channels"),
        ({"channels": "separate", "num_speakers": 2}, "num_speakers"),
        ({"channels": "separate", "max_speakers": 2}, "max_speakers"),
    ],
)
def test_channels_apart_are_one_speaker_each(fields: dict[str, Any], named: str) -> None:
    request = serializer(**fields)
    assert not request.is_valid() and list(request.errors) == [named]


def test_a_reference_goes_to_the_model_as_a_file_and_is_no_work() -> None:
    request = serializer(reference=SimpleUploadedFile("call.rttm", RTTM))
    assert request.is_valid(), request.errors
    assert {role: upload.content_type for role, upload in request.uploads().items()} == {"audio": "audio/x-wav", "reference": "text/x-rttm"}
    assert request.units() == pytest.approx(2.0, abs=0.01) and request.parameters() == {}


@pytest.mark.parametrize("content", [b"who spoke when", RTTM + b"\0", RTTM + b"\xff", wav(tone(0.1)), b"SPEAKERS"])
def test_a_reference_that_is_no_rttm_is_refused(content: bytes) -> None:
    request = serializer(reference=SimpleUploadedFile("call.rttm", content))
    assert not request.is_valid()
    assert [error.code for error in request.errors["reference"]] == ["invalid_reference"]


def test_a_reference_has_a_megabyte_at_most() -> None:
    request = serializer(reference=SimpleUploadedFile("call.rttm", RTTM * 30_000))
    assert not request.is_valid()
    assert [error.code for error in request.errors["reference"]] == ["too_large"]


def test_the_example_of_a_result_counts_as_it_should() -> None:
    example: dict[str, Any] = PredictResultSerializer.example
    counted = document(example["turns"], example["exclusive"], example["duration_seconds"])
    assert {name: example[name] for name in counted} == counted


def test_a_result_with_everything_is_valid() -> None:
    rates = {"der": 12.5, "miss": 5.0, "false_alarm": 2.5, "confusion": 5.0}
    score = {"strict": rates, "collar": rates, "collar_seconds": 0.25, "overlap": "scored", "reference_seconds": 6.0}
    fallback = {"from": "cuda", "to": "cpu", "reason": "out of memory", "tries": [{"device": "cuda", "batch_size": 8}]}
    result = {**PredictResultSerializer.example, "score": score, "fallback": fallback, "channels": "separate"}
    form = PredictResultSerializer(data=result)
    assert form.is_valid(), form.errors
    assert form.validated_data == result


def test_the_work_is_counted_in_seconds_of_sound() -> None:
    request = serializer()
    assert request.is_valid(), request.errors
    assert request.units() == pytest.approx(2.0, abs=0.01)
