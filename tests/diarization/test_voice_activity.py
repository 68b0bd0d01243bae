from __future__ import annotations

import numpy as np
import pytest

from diarization.inference.voice_activity import VoiceActivity, speech_regions
from tests.diarization.sounds import Sound, noise


def probabilities(*parts: tuple[float, int]) -> np.ndarray:
    return np.concatenate([np.full(frames, value, np.float32) for value, frames in parts])


def test_regions_are_padded_within_the_recording() -> None:
    regions = speech_regions(probabilities((0.9, 10), (0.0, 20), (0.9, 10)), duration=1.27)
    assert np.allclose(regions, [[0.0, 0.42], [0.86, 1.27]])


def test_a_click_is_not_speech() -> None:
    assert speech_regions(probabilities((0.0, 50), (0.9, 3), (0.0, 50)), duration=3.296).shape == (0, 2)


def test_a_short_pause_does_not_end_a_region() -> None:
    assert len(speech_regions(probabilities((0.9, 20), (0.0, 9), (0.9, 20)), duration=1.568)) == 1


@pytest.mark.slow
def test_parallel_streams_hear_nearly_the_same_as_one(sample: Sound, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = np.concatenate([sample, noise(5), sample, sample, sample])
    detector = VoiceActivity()
    parallel = detector.probabilities(sound, lambda done, of: None)
    monkeypatch.setattr("diarization.inference.voice_activity.STREAMS", 1)
    single = detector.probabilities(sound, lambda done, of: None)
    assert len(parallel) == len(single) == -(-len(sound) // 512)
    assert np.mean((parallel > 0.3) != (single > 0.3)) < 0.02
