"""The device policy on the real pipeline: an accelerator that is the CPU under another name runs out of memory in the middle of a batch."""

from __future__ import annotations

import io
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from diarization.inference.diarizer import Diarizer
from diarization.inference.model import DiarizationModel
from diarization.inference.pipeline import OfflinePipeline
from tasks.inference.accelerators import Accelerator
from tasks.inference.choice import Choice
from tasks.inference.devices import Placement
from tasks.inference.model import Run
from tests.diarization.conftest import Predict

pytestmark = pytest.mark.slow
STAND_IN = Choice("cuda", Accelerator("cuda", torch.device("cpu"), "cuda-stand-in", lambda: None))


class OnePassOnly:
    """Builds pipelines, of which the first takes 32 windows at once, and has memory for one pass of the voices' network."""

    def __init__(self, build: Callable[[torch.device], Diarizer]) -> None:
        self.build = build
        self.built = 0
        self.passes = 0

    def __call__(self, device: torch.device) -> Diarizer:
        pipeline = self.build(device)
        assert isinstance(pipeline, OfflinePipeline)
        if not self.built:
            pipeline.batch_size = 32
            pipeline.encoder.lstm.register_forward_pre_hook(self.fail)
        self.built += 1
        return pipeline

    def fail(self, module: torch.nn.Module, given: Any) -> None:
        self.passes += 1
        if self.passes > 1:
            raise RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB, max allowed: 9.07 GB)")


@pytest.fixture
def content(sample_path: Path) -> Iterator[bytes]:
    yield sample_path.read_bytes()


def test_without_memory_on_the_accelerator_the_turns_are_the_cpus(predict: Predict, content: bytes) -> None:
    model = DiarizationModel()
    build = OnePassOnly(model.built)
    model.placement = Placement(build, STAND_IN)
    found, wanted = model.predict(Run(), io.BytesIO(content), num_speakers=2), predict(content, num_speakers=2)
    assert found["turns"] == wanted["turns"]
    assert (found["device"], wanted["device"], wanted["fallback"]) == ("cpu", "cpu", None)
    assert found["fallback"]["reason"] == "out_of_memory"
    assert [tried["batch_size"] for tried in found["fallback"]["tries"]] == [32, 16, 8]
    assert (build.built, build.passes) == (2, 4)
    assert [warning["code"] for warning in found["warnings"]] == ["fallback"]


def test_channels_one_by_one_are_the_cpus_work_and_no_fallback(content: bytes) -> None:
    model = DiarizationModel()
    model.placement = Placement(OnePassOnly(model.built), STAND_IN)
    assert model.predict(Run(), io.BytesIO(content))["fallback"]["reason"] == "out_of_memory"
    found = model.predict(Run(), io.BytesIO(content), channels="separate")
    assert (found["device"], found["fallback"], found["warnings"]) == ("cpu", None, [])
    assert (found["pipeline"], found["model_version"]) == ("offline", "offline-3")


def test_a_pipeline_that_was_given_up_is_kept_nowhere(content: bytes) -> None:
    model = DiarizationModel()
    model.placement = Placement(model.built, STAND_IN)
    former = weakref.ref(model.placement.placed())
    model.predict(Run(), io.BytesIO(content))
    model.placement.move(None)
    assert former() is None


def test_a_smaller_batch_moves_no_turn(predict: Predict, content: bytes) -> None:
    model = DiarizationModel()
    model.placement = Placement(model.built, STAND_IN)
    model.placement.placed().batch_size = 8
    found = model.predict(Run(), io.BytesIO(content), num_speakers=2)
    assert (found["device"], found["turns"]) == ("cuda", predict(content, num_speakers=2)["turns"])
