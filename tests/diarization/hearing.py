"""A model that hears nobody: it keeps what it was sent as what it heard, and says how it was asked."""

from __future__ import annotations

import io
from copy import deepcopy
from typing import Any, BinaryIO

import pytest

from diarization.serializers import PredictResultSerializer
from tasks import runs
from tasks.inference.model import InferenceModel, Run
from tests.tasks.jobs import play_child


class Hearing(InferenceModel):
    version = "hearing-1"

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def load(self) -> None: ...

    def sample(self) -> None: ...

    def predict(self, run: Run, audio: BinaryIO, **asked: Any) -> dict[str, Any]:
        run.save("heard", io.BytesIO(b"voices of " + audio.read()[:4]), private=True, sealed=True)
        return self.answer("predict", None, asked)

    def recluster(self, run: Run, heard: BinaryIO, reclustered_from: str, **asked: Any) -> dict[str, Any]:
        return self.answer("recluster", reclustered_from, {**asked, "heard": heard.read()})

    def answer(self, called: str, reclustered_from: str | None, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((called, {name: value.read() if hasattr(value, "read") else value for name, value in arguments.items()}))
        result: dict[str, Any] = deepcopy(PredictResultSerializer.example)
        counts = {name: arguments.get(name) for name in ("num_speakers", "min_speakers", "max_speakers")}
        return {**result, "asked": counts, "reclustered_from": reclustered_from}


@pytest.fixture
def hearing(monkeypatch: pytest.MonkeyPatch) -> Hearing:
    """This process plays the child that holds it."""
    model = Hearing()
    play_child(monkeypatch, model, "diarization@here")
    return model


def work() -> None:
    runs.run_jobs("diarization")
