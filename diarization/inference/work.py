"""How far a job is, and how long its steps take."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

from diarization.inference.decoding import Recording
from diarization.inference.windows import Sound
from tasks.inference.model import Run

# where each step begins and ends in the work on a block, as shares of it (measured)
SHARES = {"decoding": (0.0, 0.05), "speech": (0.05, 0.3), "voices": (0.3, 1.0)}
LISTENING = 0.97  # of the job; the rest is telling speakers apart


class Work:
    """The steps of one job: "decoding", "speech" and "voices" for each block, then "speakers".

    `begin` and `report` raise `Canceled` if nobody wants the result any more. Where several channels are worked on one after the other,
    they are that many `parts`.
    """

    def __init__(self, run: Run, parts: int = 1) -> None:
        self.run = run
        self.parts, self.part = parts, 0
        self.seconds = dict.fromkeys([*SHARES, "speakers"], 0.0)
        self.step = ""
        self.since = perf_counter()
        self.fraction = self.from_second = 0.0

    @property
    def milliseconds(self) -> dict[str, int]:
        """Of wall time, by step."""
        return {step: round(1000 * seconds) for step, seconds in self.seconds.items()}

    def begin(self, step: str, fraction: float) -> None:
        """`fraction` is that of the whole job; it is never told to have gone back."""
        self.run.check_canceled()
        self.pause()
        self.step = step
        self.fraction = max(self.fraction, min(fraction, 1.0))
        self.run.progress(self.fraction, step)

    def pause(self) -> None:
        """Count the time since the last call for the step that was going on."""
        now = perf_counter()
        if self.step:
            self.seconds[self.step] += now - self.since
        self.since, self.step = now, ""

    def blocks(self, recording: Recording, part: int = 0) -> Iterator[Sound]:
        """The blocks of a part, from 0; what is reported after each is about it."""
        self.recording, self.part = recording, part
        blocks = recording.blocks()
        while True:
            self.from_second = recording.seconds
            self.report("decoding", 0.0)
            if (block := next(blocks, None)) is None:
                return
            yield block

    def report(self, step: str, fraction: float) -> None:
        """How far a step is in its block."""
        first, after = SHARES[step]
        until = max(self.recording.seconds, self.from_second)
        second = self.from_second + (until - self.from_second) * (first + (after - first) * fraction)
        listened = second / max(self.recording.declared_seconds, until, 1e-3)
        self.begin(step, LISTENING * (self.part + min(listened, 1.0)) / self.parts)
