from __future__ import annotations

from typing import Any

import pytest

from diarization.plausibility import warnings


def result(*seconds: float, ratio: float = 0.5) -> dict[str, Any]:
    speakers = [{"name": f"SPEAKER_{number:02d}", "seconds": spoken} for number, spoken in enumerate(seconds)]
    return {"num_speakers_found": len(seconds), "speakers": speakers, "speech_ratio": ratio}


def codes(found: dict[str, Any], seconds: float, **known: Any) -> list[str]:
    return [warning["code"] for warning in warnings(found, seconds, **known)]


@pytest.mark.parametrize(
    ("found", "seconds", "known", "told"),
    [
        (result(10, 20), 60, {}, []),
        (result(), 60, {}, ["no_speech"]),
        (result(10), 60, {"complete": False}, ["incomplete_audio"]),
        (result(10), 60, {"num_speakers": 2}, ["speaker_count_differs"]),
        (result(10, 10), 60, {"min_speakers": 2, "max_speakers": 3}, []),
        (result(10, 10), 60, {"max_speakers": 1}, ["speaker_count_differs"]),
        (result(2000), 4000, {}, ["one_speaker"]),
        (result(2000), 4000, {"num_speakers": 1}, []),
        (result(1000), 2000, {}, []),
        (result(40, 30), 60, {}, ["much_speech"]),
        (result(59.9, ratio=0.999), 60, {}, []),
        (result(500, 199, ratio=0.999), 700, {}, ["much_speech"]),
    ],
)
def test_what_is_implausible_is_told(found: dict[str, Any], seconds: float, known: dict[str, Any], told: list[str]) -> None:
    assert codes(found, seconds, **known) == told
