from __future__ import annotations

import numpy as np
import pytest

from diarization.inference.voice_activity import VoiceActivity, padded, speech_spans
from diarization.inference.windows import Stretch
from tests.diarization.sounds import Sound, noise


def probabilities(*parts: tuple[float, int]) -> np.ndarray:
    return np.concatenate([np.full(frames, value, np.float32) for value, frames in parts])


def regions(*parts: tuple[float, int], duration: float) -> np.ndarray:
    return padded(speech_spans(probabilities(*parts)), duration=duration)


def test_regions_are_padded_within_the_recording() -> None:
    assert np.allclose(regions((0.9, 10), (0.0, 20), (0.9, 10), duration=1.27), [[0.0, 0.37], [0.91, 1.27]])


def test_a_click_is_not_speech() -> None:
    assert regions((0.0, 50), (0.9, 3), (0.0, 50), duration=3.296).shape == (0, 2)


def test_a_short_pause_does_not_end_a_region() -> None:
    assert len(regions((0.9, 20), (0.0, 9), (0.9, 20), duration=1.568)) == 1


@pytest.fixture(scope="module")
def activity() -> VoiceActivity:
    return VoiceActivity()


def heard(activity: VoiceActivity, sound: Sound) -> Sound:
    whole = Stretch(0, np.zeros(0, np.float32), sound)
    return activity.probabilities(whole, 0, -(-len(sound) // 512), lambda fraction: None)


@pytest.mark.slow
def test_parallel_streams_hear_nearly_the_same_as_one(activity: VoiceActivity, sample: Sound, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = np.concatenate([sample, noise(5), sample, sample, sample])
    parallel = heard(activity, sound)
    monkeypatch.setattr("diarization.inference.voice_activity.STREAMS", 1)
    single = heard(activity, sound)
    assert len(parallel) == len(single) == -(-len(sound) // 512)
    assert np.mean((parallel > 0.3) != (single > 0.3)) < 0.02


@pytest.mark.slow
def test_what_goes_on_in_another_block_is_warmed_up_on_what_is_held(activity: VoiceActivity, sample: Sound) -> None:
    held = Stretch(0, sample[:240_128], sample[240_128:])
    later = activity.probabilities(held, 469, 938, lambda fraction: None)
    assert np.mean((later > 0.3) != (heard(activity, sample)[469:] > 0.3)) < 0.02
