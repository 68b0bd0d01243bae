"""From blocks of sound to regions of speech and the voices in them; what the end of a block leaves open is carried into the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from diarization.inference.bandwidth import Bandwidth
from diarization.inference.diarizer import Heard, Report
from diarization.inference.embedding import SIZE, WINDOW_SECONDS, SpeakerEncoder, gain
from diarization.inference.voice_activity import WARM_UP_FRAMES, VoiceActivity, padded, speech_spans
from diarization.inference.windows import FRAME, FRAME_SECONDS, SAMPLE_RATE, Floats, Sound, Stretch, window_starts

HOP_SECONDS = 0.4
SETTLED_SECONDS = 1.0  # after a region: no speech joins it any more (0.3 s), and no window centred on it needs later sound (0.8 s)
REACH_SECONDS = 1.0  # before a region: half a window and half an FFT
LONGEST_OPEN_SECONDS = 30.0  # speech that goes on at a block's end waits for its own end; of longer speech, windows are taken up to there


def nothing() -> Sound:
    return np.zeros(0, np.float32)


@dataclass
class Speech:
    """Regions of speech, block by block: the same as of the whole sound at once, but for the warm-up of the network before a block.

    So many `frames` are done. Probabilities from the frame `open_from` on are kept, those of the speech that may go on.
    """

    activity: VoiceActivity
    frames: int = 0
    open_from: int = 0
    probabilities: Sound = field(default_factory=nothing)

    def hear(self, sound: Stretch, report: Callable[[float], None]) -> tuple[Floats, Floats]:
        """Regions (regions, 2) in seconds that are finished with this stretch, and (0 or 1, 2) the one that may go on.

        A started frame is filled up with silence: all blocks but the last end with a frame.
        """
        after = -(-sound.after // FRAME)
        if after > self.frames:
            heard = self.activity.probabilities(sound, self.frames, after, report)
            self.probabilities = np.concatenate([self.probabilities, heard])
            self.frames = after
        return self.divided(duration=sound.after / SAMPLE_RATE)

    def divided(self, duration: float) -> tuple[Floats, Floats]:
        spans = [(self.open_from + first, self.open_from + after) for first, after in speech_spans(self.probabilities)]
        open_spans = [span for span in spans[-1:] if (self.frames - span[1]) * FRAME_SECONDS < SETTLED_SECONDS]
        self.forget(open_spans[0][0] if open_spans else self.frames)
        return padded(spans[: len(spans) - len(open_spans)], duration=duration), padded(open_spans, duration=duration)

    def forget(self, before: int) -> None:
        self.probabilities = self.probabilities[before - self.open_from :].copy()
        self.open_from = before

    def finish(self, duration: float) -> Floats:
        """The region that was open at the end, if any."""
        spans = [(self.open_from + first, self.open_from + after) for first, after in speech_spans(self.probabilities)]
        self.forget(self.frames)
        return padded(spans, duration=duration)

    @property
    def needs_from(self) -> int:
        """The first sample that the next stretch should hold, to warm up on."""
        return max(0, (self.frames - WARM_UP_FRAMES) * FRAME)


class Listening:
    """Regions, and a vector for each of their windows, of the blocks heard so far.

    `samples` are heard, with `energy`, the sum of their squares; sound from the sample `first` on is held. `embedded_until` is not 0 where
    windows of a long open region have been taken up to that second.
    """

    def __init__(self, activity: VoiceActivity, encoder: SpeakerEncoder) -> None:
        self.speech = Speech(activity)
        self.bandwidth = Bandwidth()
        self.encoder = encoder
        self.samples = self.first = 0
        self.held = nothing()
        self.energy = self.embedded_until = 0.0
        self.regions: list[Floats] = [np.zeros((0, 2))]
        self.starts: list[Floats] = [np.zeros(0)]
        self.vectors: list[Sound] = [np.zeros((0, SIZE), np.float32)]

    def hear(self, block: Sound, report: Report) -> None:
        sound = Stretch(self.first, self.held, block)
        self.samples, self.energy = sound.after, self.energy + float(np.dot(block, block))
        self.bandwidth.hear(block)
        finished, open_region = self.speech.hear(sound, lambda fraction: report("speech", fraction))
        self.embed(sound, finished, report)
        if len(open_region) and open_region[0, 1] - open_region[0, 0] > LONGEST_OPEN_SECONDS:
            self.embed_open(sound, open_region, report)
        self.hold(sound, open_region)

    def finish(self, report: Report) -> None:
        self.embed(Stretch(self.first, nothing(), self.held), self.speech.finish(self.samples / SAMPLE_RATE), report)
        self.held, self.first = nothing(), self.samples

    def embed(self, sound: Stretch, regions: Floats, report: Report) -> None:
        self.embed_windows(sound, regions, report)
        if len(regions):
            self.regions.append(regions)
            self.embedded_until = 0.0

    def embed_open(self, sound: Stretch, region: Floats, report: Report) -> None:
        self.embed_windows(sound, region, report)
        self.embedded_until = float(region[0, 1])

    def embed_windows(self, sound: Stretch, regions: Floats, report: Report) -> None:
        starts = window_starts(self.not_embedded(regions), window=WINDOW_SECONDS, hop=HOP_SECONDS)
        level = gain(self.energy, self.samples)
        vectors = self.encoder.embed(sound, starts, gain=level, report=lambda fraction: report("voices", fraction))
        self.starts.append(starts)
        self.vectors.append(vectors)

    def not_embedded(self, regions: Floats) -> Floats:
        """What windows have still to cover of regions, the first of which is the open one; the hop goes on where it was left."""
        if not self.embedded_until or not len(regions):
            return regions
        if regions[0, 1] <= self.embedded_until:
            return regions[1:]
        rest = [[self.embedded_until - WINDOW_SECONDS + HOP_SECONDS, regions[0, 1]]]
        return np.concatenate([rest, regions[1:]])

    def hold(self, sound: Stretch, open_region: Floats) -> None:
        """Keep the sound that the next block's windows and the warm-up of its first frames need."""
        needed = self.speech.needs_from
        if len(open_region):
            begin = self.embedded_until - WINDOW_SECONDS if self.embedded_until else open_region[0, 0]
            needed = min(needed, int((begin - REACH_SECONDS) * SAMPLE_RATE))
        self.held = sound.tail(needed)
        self.first = sound.after - len(self.held)

    def arrays(self) -> dict[str, Any]:
        """What speakers are told apart by, and what listening goes on from.

        Vectors are 32-bit floats, as the network gives them: with 16 bits, re-clustering could answer otherwise than the first time.
        """
        regions, starts, vectors = (np.concatenate(parts) for parts in (self.regions, self.starts, self.vectors))
        return {"regions": regions, "starts": starts, "vectors": vectors, "probabilities": self.speech.probabilities}

    def facts(self) -> dict[str, Any]:
        return {
            "samples": self.samples,
            "first": self.first,
            "energy": self.energy,
            "embedded_until": self.embedded_until,
            "frames": self.speech.frames,
            "open_from": self.speech.open_from,
            "bandwidth": asdict(self.bandwidth),
        }

    def resume(self, heard: Heard, blocks: Iterator[Sound]) -> None:
        """Go on after what was `heard`; its blocks are passed over, but for the sound that is held of them."""
        arrays, facts = heard.arrays, heard.facts
        self.regions, self.starts, self.vectors = [arrays["regions"]], [arrays["starts"]], [arrays["vectors"]]
        self.energy, self.embedded_until = facts["energy"], facts["embedded_until"]
        self.speech = Speech(self.speech.activity, facts["frames"], facts["open_from"], arrays["probabilities"])
        self.bandwidth = Bandwidth(**facts["bandwidth"])
        while self.samples < facts["samples"]:
            sound = Stretch(self.first, self.held, next(blocks))
            self.held, self.samples = sound.tail(facts["first"]), sound.after
            self.first = self.samples - len(self.held)


def speech_regions(activity: VoiceActivity, blocks: Iterator[Sound], report: Report) -> Floats:
    """(regions, 2) start and end in seconds of all speech, without its voices."""
    speech, found, held, samples = Speech(activity), [], nothing(), 0
    for block in blocks:
        sound = Stretch(samples - len(held), held, block)
        finished, _ = speech.hear(sound, lambda fraction: report("speech", fraction))
        found.append(finished)
        held, samples = sound.tail(speech.needs_from), sound.after
    return np.concatenate([*found, speech.finish(samples / SAMPLE_RATE)])
