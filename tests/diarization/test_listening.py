"""Blocks: what a recording says must not depend on where it is cut."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from pyannote.core import Annotation

from diarization.inference.diarizer import Asked, Heard, Turn
from diarization.inference.listening import Listening
from diarization.inference.pipeline import OfflinePipeline, offline
from diarization.inference.windows import Stretch
from tests.diarization.sounds import Sound, noise

pytestmark = pytest.mark.slow
FRAME = 512


@pytest.fixture(scope="session")
def pipeline() -> OfflinePipeline:
    return offline()


class Job:
    """The checkpoints of a job, and what was reported."""

    def __init__(self, kept: tuple[int, bytes] | None = None) -> None:
        self.first, self.checkpoints, self.steps = kept, [] if kept is None else [kept], list[str]()

    def resume(self) -> tuple[int, Heard] | None:
        return (self.first[0], Heard.load(io.BytesIO(self.first[1]))) if self.first else None

    def keep(self, blocks: int, heard: Heard) -> None:
        self.checkpoints.append((blocks, heard.dump()))

    def report(self, step: str, fraction: float) -> None:
        assert 0 <= fraction <= 1
        self.steps.append(step)


def in_blocks(sound: Sound, seconds: float) -> Iterator[Sound]:
    """As a decoder gives them: each overwrites the one before."""
    length = round(seconds * 16_000 / FRAME) * FRAME
    block = np.empty(length, np.float32)
    for first in range(0, len(sound), length):
        piece = sound[first : first + length]
        block[: len(piece)] = piece
        yield block[: len(piece)]


def heard(pipeline: OfflinePipeline, sound: Sound, seconds: float, job: Job | None = None) -> Heard:
    job = job or Job()
    return pipeline.listen(in_blocks(sound, seconds), job.report, job)


def frames(turns: list[Turn], seconds: float) -> np.ndarray:
    """(frames of 10 ms,) speaker, -1 where nobody speaks."""
    who = np.full(round(seconds * 100), -1)
    for turn in turns:
        who[round(turn.start * 100) : round(turn.end * 100)] = turn.speaker
    return who


@pytest.fixture(scope="session")
def conversation(sample: Sound) -> Sound:
    """50 seconds: a pause in the middle, and speech at the ends of most short blocks."""
    return np.concatenate([sample, 0.02 * noise(4), sample[:16_000]])


@pytest.mark.parametrize("seconds", [1, 3, 10, 34])
def test_a_recording_cut_into_blocks_has_the_turns_of_the_whole(pipeline: OfflinePipeline, conversation: Sound, seconds: float) -> None:
    asked = Asked(num_speakers=2)
    whole, cut = (pipeline.speakers(heard(pipeline, conversation, block), asked).turns for block in (100, seconds))
    length = len(conversation) / 16_000
    assert np.mean(frames(whole, length) != frames(cut, length)) < 0.03


def test_long_speech_is_embedded_before_it_ends(pipeline: OfflinePipeline, sample: Sound, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diarization.inference.listening.LONGEST_OPEN_SECONDS", 2.0)
    whole, cut = (heard(pipeline, sample, seconds).arrays for seconds in (100, 5))
    steps = np.diff(np.sort(cut["starts"]))
    assert np.abs(len(whole["regions"]) - len(cut["regions"])) <= 1
    assert np.all(np.diff(cut["starts"]) > 0) and len(cut["starts"]) == pytest.approx(len(whole["starts"]), abs=6)
    assert np.median(steps) == pytest.approx(0.4, abs=0.02)


def test_each_window_has_the_vector_of_its_own_sound(pipeline: OfflinePipeline, sample: Sound) -> None:
    """Whatever is held and passed over between blocks: the sound under a window is the recording's."""
    loud = sample / np.abs(sample).max()  # the gain, which depends on all that is heard so far, is 1
    cut = heard(pipeline, loud, 4).arrays
    whole = Stretch(0, np.zeros(0, np.float32), loud)
    again = pipeline.encoder.embed(whole, cut["starts"], gain=1.0, report=lambda fraction: None)
    assert len(again) > 40
    assert np.sum(again * cut["vectors"], axis=1).min() > 0.9999


def test_only_a_short_end_of_former_blocks_is_held(pipeline: OfflinePipeline, sample: Sound) -> None:
    listening = Listening(pipeline.voice_activity, pipeline.encoder)
    for block in in_blocks(np.tile(sample, 3), 10):
        listening.hear(block, lambda step, fraction: None)
        assert len(listening.held) <= 16_000 * (30 + 10)


def test_a_checkpoint_is_kept_when_another_block_follows(pipeline: OfflinePipeline, sample: Sound) -> None:
    job, short = Job(), Job()
    heard(pipeline, sample, 7, job)
    heard(pipeline, sample, 100, short)
    assert [blocks for blocks, _ in job.checkpoints] == [1, 2, 3, 4]
    assert short.checkpoints == []


@pytest.mark.parametrize("block", [1, 2, 4])
def test_an_attempt_that_goes_on_at_a_block_ends_with_the_same_bytes(pipeline: OfflinePipeline, sample: Sound, block: int) -> None:
    first = Job()
    whole = heard(pipeline, sample, 7, first)
    second = Job(first.checkpoints[block - 1])
    assert heard(pipeline, sample, 7, second).dump() == whole.dump()
    assert [blocks for blocks, _ in second.checkpoints] == list(range(block, 5))
    assert second.steps.count("speech") < first.steps.count("speech")


@pytest.mark.parametrize("sound", [np.zeros(160_000, np.float32), np.zeros(100, np.float32), noise(10)], ids=["silence", "short", "noise"])
def test_without_speech_nothing_is_heard(pipeline: OfflinePipeline, sound: Sound) -> None:
    found = heard(pipeline, sound, 3)
    assert (len(found.arrays["regions"]), found.arrays["vectors"].shape) == (0, (0, 256))
    assert pipeline.speakers(found, Asked(num_speakers=2)).turns == []


def test_it_is_called_like_any_pyannote_pipeline(pipeline: OfflinePipeline, sample: Sound) -> None:
    seen: list[str] = []

    def hook(step: str, *ignored: Any, **also: Any) -> None:
        seen.append(step)

    found = pipeline({"waveform": torch.from_numpy(sample)[None], "sample_rate": 16_000, "uri": "call"}, num_speakers=2, hook=hook)
    turns = pipeline.speakers(heard(pipeline, sample, 100), Asked(num_speakers=2)).turns
    assert isinstance(found, Annotation)
    assert [(segment.start, segment.end, name) for segment, _, name in found.itertracks(yield_label=True)] == [
        (turn.start, turn.end, f"SPEAKER_{turn.speaker:02d}") for turn in turns
    ]
    assert list(dict.fromkeys(seen)) == ["speech", "voices", "speakers"]
