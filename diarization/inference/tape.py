"""Sound that comes in blocks, given out in chunks that overlap; numpy only."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from diarization.inference.windows import Sound


class Tape:
    """Chunk number c of a recording is samples [c * step, c * step + window). Sound is held until no chunk to come needs it.

    As pyannote cuts: the last chunk, and the only one of a recording shorter than a window, is filled up with silence.
    """

    def __init__(self, *, window: int, step: int) -> None:
        self.window, self.step = window, step
        self.chunks = 0  # given out
        self.samples = 0  # heard
        self.rest: Sound = np.zeros(0, np.float32)  # from the next chunk's beginning on

    def add(self, block: Sound) -> None:
        self.rest = np.concatenate([self.rest, block])
        self.samples += len(block)

    def take(self) -> Sound:
        """(chunks, window): all that are whole by now; a view, no copy."""
        count = max(0, (len(self.rest) - self.window) // self.step + 1)
        if not count:
            return np.zeros((0, self.window), np.float32)
        whole: Sound = sliding_window_view(self.rest, self.window)[:: self.step][:count]
        self.forget(count)
        return whole

    def take_last(self) -> Sound:
        """(0 or 1, window): what is left at the end of the recording, if any chunk before does not hold it already."""
        if self.chunks and self.chunks * self.step + self.window - self.step == self.samples:
            return np.zeros((0, self.window), np.float32)
        last = np.zeros((1, self.window), np.float32)
        last[0, : len(self.rest)] = self.rest
        self.forget(1)
        return last

    def forget(self, count: int) -> None:
        """Go on behind so many chunks more."""
        self.chunks += count
        self.rest = self.rest[count * self.step :]
