"""Where the windows lie that are embedded, and cutting them out of the sound; numpy only.

Regions are (regions, 2) arrays of start and end in seconds, sorted and disjoint.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Sound = NDArray[np.float32]

SAMPLE_RATE = 16_000  # of all sound in this folder, one channel
FRAME = 512  # samples of voice activity; the only size its network takes at 16 kHz
FRAME_SECONDS = FRAME / SAMPLE_RATE  # of voice activity, and of turns


def window_starts(regions: Floats, *, window: float, hop: float) -> Floats:
    """Starts in seconds of windows inside of each region, `hop` apart from its beginning on, and of one at its end.

    A region that ends a little later has the same windows but for the last. One that is shorter than a window gets one, centred on it,
    which may begin before 0.
    """
    parts = [starts_in(start, end, window=window, hop=hop) for start, end in regions]
    return np.concatenate(parts) if parts else np.zeros(0)


def starts_in(start: float, end: float, *, window: float, hop: float) -> Floats:
    room = end - start - window
    if room <= 0:
        return np.array([(start + end - window) / 2])
    before_last = max(1, math.ceil(room / hop - 0.5))  # so that the last two lie half a hop apart or more
    return np.append(start + np.arange(before_last) * hop, end - window)


def speech_inside(starts: Floats, regions: Floats, *, window: float, frames: int = 20) -> Sound:
    """(windows, frames): 1 where the middle of that part of the window lies in a region, else 0."""
    times = starts[:, None] + (np.arange(frames) + 0.5) * window / frames
    before = np.searchsorted(regions[:, 0], times, side="right") - 1
    inside: Sound = ((before >= 0) & (times < regions[np.maximum(before, 0), 1])).astype(np.float32)
    return inside


@dataclass(frozen=True)
class Stretch:
    """Consecutive sound of a recording from its sample `first` on: what is held of former blocks, and a block.

    They stay apart, since a copy of both together would double the memory that a long block takes.
    """

    first: int
    held: Sound
    block: Sound

    @property
    def block_first(self) -> int:
        return self.first + len(self.held)

    @property
    def after(self) -> int:
        return self.block_first + len(self.block)

    def cut(self, starts: NDArray[np.int64], length: int) -> Sound:
        """(starts, length) samples from each start, which counts from the recording's beginning; zero outside of the stretch."""
        pieces = cut(self.block, starts - self.block_first, length)
        if len(self.held) and starts.min() < self.block_first:
            pieces += cut(self.held, starts - self.first, length)
        return pieces

    def tail(self, first: int) -> Sound:
        """A copy of all sound from the sample `first` on, or from as early as there is any."""
        held = self.held[max(0, first - self.first) :]
        return np.concatenate([held, self.block[max(0, first - self.block_first) :]])


def cut(sound: Sound, starts: NDArray[np.int64], length: int) -> Sound:
    """(starts, length) samples of `sound` from each start, zero where that lies outside."""
    places = starts[:, None] + np.arange(length)
    pieces = sound.take(places, mode="clip")
    pieces[(places < 0) | (places >= len(sound))] = 0
    return pieces
