from __future__ import annotations

import json

import numpy as np
import pytest

from diarization.inference.peaks import FIRST_SAMPLES, MOST_PIXELS, Peaks, audiowaveform
from tests.diarization.sounds import noise, tone


def gathered(sound: np.ndarray, *, piece: int = 1_000_000) -> Peaks:
    peaks = Peaks()
    for first in range(0, len(sound), piece):
        peaks.add(sound[first : first + piece])
    return peaks


def test_a_pixel_holds_the_least_and_the_greatest_of_its_samples() -> None:
    sound = np.zeros(2 * FIRST_SAMPLES, np.float32)
    sound[[10, 20, FIRST_SAMPLES]] = 0.5, -1.0, 1.0
    assert gathered(sound).whole().tolist() == [[-128, 64], [0, 127]]


@pytest.mark.parametrize("seconds", [0.001, 3, 40, 41, 300])
def test_there_are_never_more_pixels_than_a_screen_needs(seconds: float) -> None:
    peaks = gathered(noise(seconds))
    pairs = peaks.whole()
    assert 0 < len(pairs) <= MOST_PIXELS + 1
    assert len(pairs) == -(-round(seconds * 16_000) // peaks.samples_per_pixel)


def test_merged_pixels_are_those_of_the_whole() -> None:
    sound = noise(100)
    peaks = gathered(sound, piece=7_777)
    whole = sound[: len(sound) // peaks.samples_per_pixel * peaks.samples_per_pixel].reshape(-1, peaks.samples_per_pixel)
    assert np.array_equal(peaks.whole()[: len(whole), 1], np.clip(np.rint(whole.max(1) * 128), -128, 127))


def test_the_file_is_as_audiowaveform_writes_it() -> None:
    told = json.loads(audiowaveform([gathered(tone(1)), gathered(-np.abs(noise(1)))]))
    assert {name: told[name] for name in told if name != "data"} == {
        "version": 2, "channels": 1, "sample_rate": 16_000, "samples_per_pixel": 160, "bits": 8, "length": 100,
    }  # fmt: skip
    assert len(told["data"]) == 200
    assert max(told["data"][1::2]) == 64 and min(told["data"]) <= -64
