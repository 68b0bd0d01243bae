"""pyannote's own pipelines, speaker-diarization-community-1 and compatible ones, as a `Diarizer`.

Segmentation and embedding are local to chunks of 10 s, so they are done block by block; clustering and reconstruction are pyannote's own
code, on what was heard. The answer is that of the plain pipeline, within the rounding of floats.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.utils.reproducibility import fix_reproducibility
from pyannote.audio.utils.signal import binarize
from pyannote.core import Annotation, SlidingWindow, SlidingWindowFeature

from diarization.inference.diarizer import Asked, Diarizer, Found, Heard, Kept, Report, Turn
from diarization.inference.tape import Tape
from diarization.inference.windows import SAMPLE_RATE, Sound
from tasks.inference.choice import ON_THE_CPU

Array = NDArray[Any]
Progress = Callable[[float], None]


class PyannoteDiarizer(Diarizer):
    """Around a loaded `pyannote.audio.pipelines.SpeakerDiarization`, which it moves to `device` and changes for its own use.

    `batch_size` is how many chunks the segmentation takes at once; the embedding takes as many as hold so many voices, on a CPU one.
    """

    name = "pyannote"

    def __init__(self, pipeline: Any, *, version: str, device: torch.device = ON_THE_CPU) -> None:
        self.version, self.device = version, device
        self.pipeline = recalling(pipeline.to(self.device))
        self.segmentation = pipeline._segmentation
        self.powerset = bool(self.segmentation.model.specifications.powerset)
        self.network = pipeline._embedding.model_
        self.batch_size = pipeline.segmentation_batch_size
        self.window = self.segmentation.model.audio.get_num_samples(self.segmentation.duration)
        self.step = round(self.segmentation.step * SAMPLE_RATE)
        self.shortest = pipeline._embedding.min_num_samples  # which it finds by trying
        self.nobody = self.pool(np.zeros((1, self.window), np.float32), np.zeros((1, 1, 1), np.float32))[0, 0]

    # -- listening
    def listen(self, blocks: Iterator[Sound], report: Report, kept: Kept) -> Heard:
        """Arrays "segmentations" (chunks, frames, voices), of 0 and 1 or of scores, and "embeddings" (chunks, voices, dimension).

        A checkpoint after each block; an attempt that resumes is given all blocks again, and passes over those that are finished.
        `report` tells how far the present block is.
        """
        fix_reproducibility(self.device)
        tape = Tape(window=self.window, step=self.step)
        finished, parts = resumed(kept)
        for number, block in enumerate(blocks, 1):
            tape.add(block)
            chunks = tape.take()
            if number > finished and len(chunks):
                parts.append(self.hear(chunks, report))
                kept.keep(number, self.heard(tape, parts))
        if len(last := tape.take_last()):
            parts.append(self.hear(last, report))
        return self.heard(tape, parts)

    def heard(self, tape: Tape, parts: list[tuple[Array, Array]]) -> Heard:
        segmentations, embeddings = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        arrays = {"segmentations": segmentations, "embeddings": embeddings}
        return Heard(self.name, self.version, tape.samples / SAMPLE_RATE, arrays)

    def hear(self, chunks: Sound, report: Report) -> tuple[Array, Array]:
        """(chunks, window) sound -> who is active when in each chunk, and the voice of each."""
        segmentations = self.segment(chunks, lambda fraction: report("speech", fraction))
        active = self.binary(segmentations).data
        return segmentations, self.embed(chunks, active, lambda fraction: report("voices", fraction))

    def segment(self, chunks: Sound, progress: Progress) -> Array:
        """(chunks, frames, voices): 0 or 1, or scores between where the network gives those."""
        found = []
        for first in range(0, len(chunks), self.batch_size):
            progress(first / len(chunks))
            batch = chunks[first : first + self.batch_size]
            found.append(self.segmentation.infer(torch.from_numpy(batch[:, None].copy())))
        return np.concatenate(found).astype(np.uint8 if self.powerset else np.float32)

    def binary(self, segmentations: Array) -> SlidingWindowFeature:
        """As pyannote's `apply` has it."""
        feature = self.feature(segmentations)
        if self.powerset:
            return feature
        return binarize(feature, onset=self.pipeline.segmentation.threshold, initial_state=False)

    def feature(self, segmentations: Array) -> SlidingWindowFeature:
        window = SlidingWindow(start=0.0, duration=self.segmentation.duration, step=self.segmentation.step)
        return SlidingWindowFeature(segmentations.astype(np.float32), window)

    def embed(self, chunks: Sound, active: Array, progress: Progress) -> Array:
        """(chunks, voices, dimension).

        pyannote sends a chunk through the network once for each of its voices, active or not, though the network's trunk sees only the
        sound, and the voice enters with the pooling. Here a chunk goes once, and a silent one not at all: without weights the pooling gives
        zeros, whatever the sound.
        """
        found = np.tile(self.nobody, (*active.shape[::2], 1))
        speaking = np.flatnonzero(active.any(axis=(1, 2)))
        # On a CPU one chunk at a time: with ten, the memory of the layers is given back and fetched anew each time, half of the cost.
        size = 1 if self.device.type == "cpu" else max(1, self.batch_size // active.shape[2])
        for first in range(0, len(speaking), size):
            progress(first / len(speaking))
            some = speaking[first : first + size]
            found[some] = self.pool(chunks[some], self.weights(active[some]))
        return found

    def weights(self, active: Array) -> Array:
        """(chunks, voices, frames): where each is active, alone if that is long enough for an embedding and the pipeline is set to that."""
        used = active
        if self.pipeline.embedding_exclude_overlap:
            least = math.ceil(active.shape[1] * self.shortest / self.window)
            alone = active * (active.sum(axis=2, keepdims=True) < 2)
            used = np.where(alone.sum(axis=1, keepdims=True) > least, alone, active)
        return used.transpose(0, 2, 1).astype(np.float32)

    @torch.inference_mode()
    def pool(self, chunks: Sound, weights: Array) -> Array:
        sound = torch.from_numpy(chunks[:, None].copy()).to(self.device)
        embeddings: Array = self.network(sound, weights=torch.from_numpy(weights.copy()).to(self.device)).cpu().numpy()
        return embeddings

    # -- telling speakers apart
    def speakers(self, heard: Heard, asked: Asked) -> Found:
        """pyannote's clustering and reconstruction, without the sound. It knows no confidence."""
        segmentations = self.feature(heard.arrays["segmentations"])
        file = {"uri": "recording", "segmentations": segmentations, "embeddings": heard.arrays["embeddings"]}
        with quiet():
            output = self.pipeline.apply(file, **self.hints(heard, asked))
        speakers: dict[str, int] = {}
        return Found(
            turns=turns(output.speaker_diarization, heard.seconds, speakers),
            exclusive=turns(output.exclusive_speaker_diarization, heard.seconds, speakers),
        )

    def hints(self, heard: Heard, asked: Asked) -> dict[str, int | None]:
        """No more speakers than there are embeddings to learn from: pyannote's k-means raises ValueError then."""
        binary = self.binary(heard.arrays["segmentations"])
        learnt, _, _ = self.pipeline.clustering.filter_embeddings(heard.arrays["embeddings"], segmentations=binary)
        most = max(1, len(learnt))
        hints = {"num_speakers": asked.num_speakers, "min_speakers": asked.min_speakers}
        return {name: hint and min(hint, most) for name, hint in hints.items()} | {"max_speakers": asked.max_speakers}


def recalling(pipeline: Any) -> Any:
    """The pipeline, which from now on finds in the `file` itself what it would else listen for."""
    pipeline.legacy = False  # so that it gives the exclusive turns too
    pipeline.get_segmentations = lambda file, hook=None: file["segmentations"]
    pipeline.get_embeddings = lambda file, *_, **__: file["embeddings"]
    return pipeline


def resumed(kept: Kept) -> tuple[int, list[tuple[Array, Array]]]:
    """How many blocks are finished, and what was heard in them."""
    before = kept.resume()
    if before is None:
        return 0, []
    finished, heard = before
    return finished, [(heard.arrays["segmentations"], heard.arrays["embeddings"])]


@contextmanager
def quiet() -> Iterator[None]:
    """pyannote prints and warns if it misses the number asked for, and numpy if there is nothing to learn from; the result tells both."""
    with redirect_stdout(StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def turns(annotation: Annotation, seconds: float, speakers: dict[str, int]) -> list[Turn]:
    """In order, within the recording; `speakers` numbers them by their first turns, and is added to.

    pyannote's frames may end after the recording, in the silence that fills up the last chunk.
    """
    found = []
    for segment, _, label in annotation.itertracks(yield_label=True):
        start, end = max(0.0, float(segment.start)), min(seconds, float(segment.end))
        if start < end:
            found.append(Turn(start, end, speakers.setdefault(label, len(speakers))))
    return found


def unsupported(pipeline: object) -> str:
    """Why a loaded pipeline cannot be run here; empty if it can."""
    if not isinstance(pipeline, SpeakerDiarization):
        return f"it is a {type(pipeline).__name__}, not a SpeakerDiarization"
    if pipeline._expects_num_speakers:
        return f"its clustering ({pipeline.klustering}) has to be told the number of speakers"
    if not isinstance(network := getattr(pipeline._embedding, "model_", None), BaseWeSpeakerResNet):
        return f"its embeddings are by {type(network or pipeline._embedding).__name__}; only WeSpeaker's networks are supported"
    return ""
