"""Wave peaks for players: the least and the greatest sample of each pixel, gathered while a recording is decoded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from diarization.inference.windows import SAMPLE_RATE, Sound

MOST_PIXELS = 4000  # even: full, they are halved
FIRST_SAMPLES = 160  # of a pixel in a recording of up to 40 seconds, 10 ms
SLICE = 1000 * FIRST_SAMPLES

Pairs = NDArray[np.int8]


class Peaks:
    """At most 4,000 (least, greatest) pairs of 8 bits for any length: when there would be more, neighbours are merged."""

    def __init__(self) -> None:
        self.samples_per_pixel = FIRST_SAMPLES
        self.pairs: Pairs = np.zeros((0, 2), np.int8)
        self.rest: Sound = np.zeros(0, np.float32)

    def add(self, sound: Sound) -> None:
        """The recording's next sound, of any length; it is not kept."""
        for first in range(0, len(sound), SLICE):
            self.rest = np.concatenate([self.rest, sound[first : first + SLICE]])
            self.gather()

    def gather(self) -> None:
        """Turn what makes whole pixels into pairs."""
        while len(self.rest) >= self.samples_per_pixel:
            if len(self.pairs) == MOST_PIXELS:
                self.pairs = halved(self.pairs)
                self.samples_per_pixel *= 2
                continue
            pixels = min(MOST_PIXELS - len(self.pairs), len(self.rest) // self.samples_per_pixel)
            taken, self.rest = np.split(self.rest, [pixels * self.samples_per_pixel])
            self.pairs = np.concatenate([self.pairs, eight_bits(taken.reshape(pixels, -1))])

    def whole(self) -> Pairs:
        """(pixels, 2) of all sound so far; the last pixel may have less sound than the others."""
        return np.concatenate([self.pairs, eight_bits(self.rest[None])]) if len(self.rest) else self.pairs


def eight_bits(pixels: Sound) -> Pairs:
    """(pixels, samples) with full scale 1.0 -> (pixels, 2) from -128 to 127."""
    pairs = np.stack([pixels.min(1), pixels.max(1)], axis=1)
    rounded: Pairs = np.clip(np.rint(pairs * 128), -128, 127).astype(np.int8)
    return rounded


def halved(pairs: Pairs) -> Pairs:
    """Each two neighbours as one; their number is even."""
    return np.stack([pairs[:, 0].reshape(-1, 2).min(1), pairs[:, 1].reshape(-1, 2).max(1)], axis=1)


def over(first: Pairs, second: Pairs) -> Pairs:
    """Pixel by pixel the lesser and the greater of two channels of one recording."""
    return np.stack([np.minimum(first[:, 0], second[:, 0]), np.maximum(first[:, 1], second[:, 1])], axis=1)


def audiowaveform(channels: Iterable[Peaks]) -> bytes:
    """The JSON that BBC's audiowaveform writes, version 2 (its doc/DataFormat.md); several channels are drawn into one."""
    drawn = list(channels)
    pairs = reduce(over, [peaks.whole() for peaks in drawn])
    facts = {
        "version": 2,
        "channels": 1,
        "sample_rate": SAMPLE_RATE,
        "samples_per_pixel": drawn[0].samples_per_pixel,
        "bits": 8,
        "length": len(pairs),
        "data": pairs.reshape(-1).tolist(),
    }
    return json.dumps(facts, separators=(",", ":")).encode()
