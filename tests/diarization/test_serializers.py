from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from diarization.serializers import PredictSerializer
from tests.diarization.sounds import tone, wav


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


def test_the_work_is_counted_in_seconds_of_sound() -> None:
    request = serializer()
    assert request.is_valid(), request.errors
    assert request.units() == pytest.approx(2.0, abs=0.01)
