from __future__ import annotations

import numpy as np
import pytest

from diarization.inference.bandwidth import Bandwidth
from diarization.inference.windows import FRAME, Sound
from tests.diarization.sounds import noise, tone


def heard(*blocks: Sound) -> Bandwidth:
    bandwidth = Bandwidth()
    for block in blocks:
        bandwidth.hear(block)
    return bandwidth


def limited(sound: Sound, *, hertz: int) -> Sound:
    spectrum = np.fft.rfft(sound)
    spectrum[np.fft.rfftfreq(len(sound), 1 / 16_000) > hertz] = 0
    return np.fft.irfft(spectrum, len(sound)).astype(np.float32)


def test_noise_of_all_frequencies_comes_from_no_telephone() -> None:
    assert not heard(noise(3)).of_telephone


@pytest.mark.parametrize("hertz", [3400, 4000])
def test_what_ends_at_four_kilohertz_comes_from_a_telephone(hertz: int) -> None:
    assert heard(limited(noise(3), hertz=hertz)).of_telephone
    assert not heard(limited(noise(3), hertz=5000)).of_telephone


def test_silence_and_what_is_shorter_than_a_frame_come_from_none() -> None:
    assert not heard(np.zeros(16_000, np.float32)).of_telephone
    assert not heard(tone(1)[: FRAME - 1]).of_telephone


def test_blocks_are_heard_as_the_whole_is() -> None:
    sound = noise(4)
    blocks, whole = heard(*np.split(sound, [16_384, 32_768])), heard(sound)
    assert (blocks.speech_power, blocks.upper_power) == pytest.approx((whole.speech_power, whole.upper_power))
