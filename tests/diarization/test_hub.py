"""pyannote's pipelines by our way beside plain pyannote, on a stand-in for the weights."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pyannote.audio import Pipeline
from pyannote.core import Annotation

from diarization.inference.diarizer import Asked, Heard, Turn
from diarization.inference.hub import PyannoteDiarizer
from diarization.inference.windows import Sound
from tasks.errors import Canceled
from tests.diarization.clone import sample, write_clone, write_configuration

pytestmark = pytest.mark.slow
STRETCH = slice(4 * 16_000, 15 * 16_000 + 5_000)  # 11.3 s: two chunks, and a last one that is filled up


class Checkpoints:
    """What an attempt keeps, and the next one finds."""

    def __init__(self) -> None:
        self.kept: list[tuple[int, Heard]] = []

    def resume(self) -> tuple[int, Heard] | None:
        return self.kept[-1] if self.kept else None

    def keep(self, blocks: int, heard: Heard) -> None:
        self.kept.append((blocks, heard))


def ignore(step: str, fraction: float) -> None:
    pass


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clone(tmp_path_factory.mktemp("clone") / "pipeline")


@pytest.fixture(scope="module")
def diarizer(clone: Path) -> PyannoteDiarizer:
    return PyannoteDiarizer(Pipeline.from_pretrained(clone), version="pyannote-clone")


@pytest.fixture(scope="module")
def sound() -> Sound:
    return sample()[STRETCH]


@pytest.fixture(scope="module")
def heard(diarizer: PyannoteDiarizer, sound: Sound) -> Heard:
    return diarizer.listen(iter([sound]), ignore, Checkpoints())


def spans(annotation: Annotation, seconds: float) -> list[tuple[float, float, str]]:
    """As a result has them: nothing of the silence with which the last chunk is filled up."""
    found = [(turn.start, min(turn.end, seconds), label) for turn, _, label in annotation.itertracks(yield_label=True)]
    return [turn for turn in found if turn[0] < turn[1]]


def plainly(folder: Path, sound: Sound) -> tuple[Any, np.ndarray]:
    """What pyannote says by itself, and the embeddings that it made."""
    pipeline: Any = Pipeline.from_pretrained(folder)
    seen: dict[str, Any] = {}
    file = {"waveform": torch.from_numpy(sound)[None], "sample_rate": 16_000, "uri": "recording"}
    told = pipeline(file, hook=lambda step, artefact, **_: seen.update({step: artefact}))
    return told, seen["embeddings"]


def assert_same(found: list[Turn], plain: list[tuple[float, float, str]]) -> None:
    times, plain_times = [(turn.start, turn.end) for turn in found], [turn[:2] for turn in plain]
    assert len(times) == len(plain_times)
    assert np.allclose(times, plain_times, rtol=0, atol=1e-6)
    pairs = {(turn.speaker, label) for turn, (_, _, label) in zip(found, plain, strict=True)}
    assert len(pairs) == len({label for *_, label in plain}) == len({turn.speaker for turn in found})


@pytest.mark.parametrize("three_one", [False, True], ids=["community-1", "3.1"])
def test_turns_are_those_of_plain_pyannote(clone: Path, tmp_path: Path, sound: Sound, three_one: bool) -> None:
    folder = Path(shutil.copytree(clone, tmp_path / "pipeline"))
    write_configuration(folder, three_one=three_one)
    told, vectors = plainly(folder, sound)
    diarizer = PyannoteDiarizer(Pipeline.from_pretrained(folder), version="pyannote-clone")
    heard = diarizer.listen(iter([sound]), ignore, Checkpoints())
    found = diarizer.speakers(heard, Asked())
    assert len(found.turns) > 10
    assert_same(found.turns, spans(told.speaker_diarization, heard.seconds))
    assert_same(found.exclusive, spans(told.exclusive_speaker_diarization, heard.seconds))
    assert np.allclose(vectors, heard.arrays["embeddings"], rtol=1e-3, atol=1e-3)


def test_somebody_talks_at_the_same_time_and_exclusive_turns_say_it_of_one(diarizer: PyannoteDiarizer, heard: Heard) -> None:
    found = diarizer.speakers(heard, Asked(num_speakers=2))
    assert any(first.end > second.start + 0.1 for first, second in zip(found.turns, found.turns[1:], strict=False))
    assert all(first.end <= second.start + 1e-6 for first, second in zip(found.exclusive, found.exclusive[1:], strict=False))
    assert max(turn.end for turn in found.turns) <= heard.seconds


@pytest.mark.parametrize(
    ("asked", "speakers"),
    [(Asked(num_speakers=1), {1}), (Asked(num_speakers=2), {2}), (Asked(max_speakers=1), {1}), (Asked(num_speakers=20), set(range(1, 21)))],
)
def test_speakers_are_told_apart_anew_without_the_sound(diarizer: PyannoteDiarizer, heard: Heard, asked: Asked, speakers: set[int]) -> None:
    found = diarizer.speakers(heard, asked)
    numbers = list(dict.fromkeys(turn.speaker for turn in found.turns))
    assert numbers == list(range(len(numbers)))
    assert len(numbers) in speakers


def test_blocks_make_no_difference_and_a_second_attempt_goes_on_where_the_first_was_lost(
    diarizer: PyannoteDiarizer, heard: Heard, sound: Sound
) -> None:
    blocks, checkpoints, steps = np.split(sound, [170_000, 171_000]), Checkpoints(), []
    diarizer.listen(iter(blocks[:1]), ignore, checkpoints)
    again = diarizer.listen(iter(blocks), lambda step, fraction: steps.append((step, fraction)), checkpoints)
    assert [number for number, _ in checkpoints.kept] == [1, 3]  # the second block is too short for another chunk
    assert np.array_equal(again.arrays["segmentations"], heard.arrays["segmentations"])
    assert np.allclose(again.arrays["embeddings"], heard.arrays["embeddings"], rtol=1e-3, atol=1e-3)
    assert diarizer.speakers(again, Asked()) == diarizer.speakers(heard, Asked())
    assert {step for step, _ in steps} == {"speech", "voices"}
    assert all(0 <= fraction < 1 for _, fraction in steps)


def test_a_batch_of_one_finds_the_same(diarizer: PyannoteDiarizer, heard: Heard, sound: Sound) -> None:
    whole, diarizer.batch_size = diarizer.batch_size, 1
    try:
        found = diarizer.listen(iter([sound]), ignore, Checkpoints())
    finally:
        diarizer.batch_size = whole
    assert diarizer.speakers(found, Asked()) == diarizer.speakers(heard, Asked())


def test_a_chunk_in_which_nobody_speaks_is_not_embedded(diarizer: PyannoteDiarizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diarizer, "pool", lambda *_: pytest.fail("the network was asked"))
    found = diarizer.embed(np.zeros((2, diarizer.window), np.float32), np.zeros((2, 589, 3), np.uint8), lambda fraction: None)
    assert np.array_equal(found, np.tile(diarizer.nobody, (2, 3, 1)))


def test_nobody_has_the_embedding_that_plain_pyannote_gives_to_nobody(diarizer: PyannoteDiarizer, sound: Sound) -> None:
    chunk = torch.from_numpy(sound[: diarizer.window])[None, None]
    plain = diarizer.pipeline._embedding(chunk, masks=torch.zeros(1, 589))
    assert np.allclose(plain, diarizer.nobody, atol=1e-5)


def test_what_was_heard_may_be_silence(diarizer: PyannoteDiarizer, heard: Heard) -> None:
    arrays = {**heard.arrays, "segmentations": np.zeros_like(heard.arrays["segmentations"])}
    found = diarizer.speakers(Heard(heard.pipeline, heard.version, heard.seconds, arrays), Asked(num_speakers=2))
    assert (found.turns, found.exclusive) == ([], [])


@pytest.mark.parametrize("samples", [800, 16_000])
def test_a_moment_of_sound_is_enough(diarizer: PyannoteDiarizer, sound: Sound, samples: int) -> None:
    short = diarizer.listen(iter([sound[:samples]]), ignore, Checkpoints())
    assert all(turn.end <= samples / 16_000 for turn in diarizer.speakers(short, Asked(num_speakers=4)).turns)


def test_a_canceled_job_stops_before_the_next_batch(diarizer: PyannoteDiarizer, sound: Sound) -> None:
    def refuse(step: str, fraction: float) -> None:
        raise Canceled

    with pytest.raises(Canceled):
        diarizer.listen(iter([sound]), refuse, Checkpoints())


def test_nothing_is_told_to_pyannotes_makers(clone: Path) -> None:
    """Loading and running a pipeline puts nothing into the hands of the exporter that pyannote.audio makes when it is imported."""
    program = """
import sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
told = []
OTLPSpanExporter.export = lambda self, spans: told.append(spans)
from tests.diarization.clone import sample
import torch
from pyannote.audio import Pipeline
from pyannote.audio.telemetry import metrics
pipeline = Pipeline.from_pretrained(Path(sys.argv[1]))
pipeline({"waveform": torch.from_numpy(sample()[:16_000])[None], "sample_rate": 16_000})
metrics.provider.force_flush()
quiet = len(told)
metrics.set_telemetry_metrics(True)
metrics.track_pipeline_init(pipeline)
metrics.provider.force_flush()
print(quiet, len(told))
"""
    environment = {**os.environ, "PYANNOTE_METRICS_ENABLED": "1", "PYTHONPATH": "."}
    command = [sys.executable, "-c", program, str(clone)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.split()[-2:] == ["0", "1"]
