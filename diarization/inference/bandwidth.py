"""Whether a recording comes from a telephone line, which carries nothing above 4 kHz; numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diarization.inference.windows import FRAME, SAMPLE_RATE, Sound

EVERY = 8  # frames: a quarter of a second
AT_ONCE = 1024  # frames that are transformed at a time, 2 MB
SPEECH_HERTZ, ABOVE_HERTZ = (300, 3400), 4100
LEAST_SHARE = 1e-4  # -40 dB. What came over a telephone had -65 dB, in every coding; the widest of the others -26, most -14 to -20

HERTZ = np.arange(FRAME // 2 + 1) * SAMPLE_RATE / FRAME
HANN = np.hanning(FRAME)
IN_SPEECH, UPPER = (SPEECH_HERTZ[0] < HERTZ) & (SPEECH_HERTZ[1] > HERTZ), HERTZ > ABOVE_HERTZ


@dataclass
class Bandwidth:
    """The power of what was heard so far: in the band of the telephone, and above what the telephone carries."""

    speech_power: float = 0.0
    upper_power: float = 0.0

    def hear(self, sound: Sound) -> None:
        """(samples,) at 16 kHz; what is shorter than a frame of 32 ms is passed over."""
        frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)[::EVERY]
        for first in range(0, len(frames), AT_ONCE):
            power = np.square(np.abs(np.fft.rfft(frames[first : first + AT_ONCE] * HANN))).sum(axis=0)
            self.speech_power += float(power[IN_SPEECH].sum())
            self.upper_power += float(power[UPPER].sum())

    @property
    def of_telephone(self) -> bool:
        return self.upper_power < LEAST_SHARE * self.speech_power
