"""What happens in a worker's child between the end of one model's call and the beginning of the next, timed from around the engine.

The engine's own code runs as it is; the calls named here are wrapped once, when the model is made, at some microseconds each. What was
found is written while the next model runs, so it delays nothing that is measured.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.utils.module_loading import import_string

from tasks import runs, wakeups
from tasks.inference.model import InferenceModel, Run
from tasks.models import Job, jobs

GAPS = Path(settings.DATA) / "gaps"
END, ANNOUNCE, DISCARD, CLAIM, OPEN, READ, WAKE = "end", "announce", "discard", "claim", "open", "read", "wake"
ENGINE: list[tuple[Any, str, str]] = [  # every call is made through these names
    (runs, "recorded", END),
    (wakeups, "announce", ANNOUNCE),
    (jobs, "discard", DISCARD),
    (runs, "claim", CLAIM),
    (Job, "open_inputs", OPEN),
    (wakeups, "wake", WAKE),
]


class Watch:
    """The gap that this process is in: seconds, CPU seconds of this thread and calls by part since the last model ended."""

    def __init__(self) -> None:
        self.ended_at = 0.0
        self.cpu_then = 0.0
        self.seconds = defaultdict[str, float](float)
        self.cpu_seconds = defaultdict[str, float](float)
        self.calls = Counter[str]()
        self.inside = 0.0  # the model's call: what it asked of the engine (progress, saved files)

    def part(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            started, cpu = time.perf_counter(), time.thread_time()
            try:
                return call(*arguments, **named)
            finally:
                self.seconds[name] += time.perf_counter() - started
                self.cpu_seconds[name] += time.thread_time() - cpu
                self.calls[name] += 1

        return timed

    def gap(self, began_at: float) -> dict[str, Any] | None:
        """What there is to say of the gap that ends now; None before the first job."""
        if not self.ended_at:
            return None
        return {
            "began_at": began_at,
            "gap": began_at - self.ended_at,
            "cpu": time.thread_time() - self.cpu_then,
            "parts": dict(self.seconds),
            "parts_cpu": dict(self.cpu_seconds),
            "calls": dict(self.calls),
            "inside": self.inside,
        }

    def over(self, ended_at: float) -> None:
        self.seconds.clear()
        self.cpu_seconds.clear()
        self.calls.clear()
        self.ended_at, self.cpu_then = ended_at, time.thread_time()


class WatchedRun(Run):
    """The engine's link to the world, whose share of a model's call is timed."""

    def __init__(self, run: Run, watch: Watch) -> None:
        self.run = run
        self.watch = watch

    def inside(self, call: Callable[..., Any], *arguments: Any) -> Any:
        started = time.perf_counter()
        try:
            return call(*arguments)
        finally:
            self.watch.inside += time.perf_counter() - started

    def progress(self, fraction: float, step: str = "") -> None:
        self.inside(self.run.progress, fraction, step)

    def check_canceled(self) -> None:
        self.inside(self.run.check_canceled)

    def save(self, name: str, file: IO[bytes], *, private: bool = False, sealed: bool = False) -> None:
        self.inside(partial(self.run.save, private=private, sealed=sealed), name, file)


def garments() -> InferenceModel:
    return watched("keypoints.inference.model.GarmentModel", "predict")


def selfies() -> InferenceModel:
    return watched("faces.inference.model.FaceModel", "validate")


def fakes() -> InferenceModel:
    return watched("tests.fakes.inference.model.FakeModel", "burn")


def watched(path: str, operation: str) -> InferenceModel:
    """The model of this path, whose operation notes its gaps in a file of this process."""
    model: InferenceModel = import_string(path)()
    watch, call = Watch(), getattr(model, operation)
    for owner, name, part in ENGINE:
        setattr(owner, name, watch.part(part, getattr(owner, name)))
    GAPS.mkdir(exist_ok=True)
    file = (GAPS / f"{os.getpid()}.jsonl").open("a", buffering=1)

    def noted(run: Run, **arguments: Any) -> Any:
        read = watch.part(READ, read_all)(arguments)
        began_at = time.perf_counter()
        if gap := watch.gap(began_at):
            file.write(json.dumps(gap) + "\n")
        watch.inside = 0.0
        try:
            return call(WatchedRun(run, watch), **read)
        finally:
            watch.over(time.perf_counter())

    setattr(model, operation, noted)
    return model


def read_all(arguments: dict[str, Any]) -> dict[str, Any]:
    """Inputs in memory: reading them is the engine's time, decoding the model's."""
    return {name: io.BytesIO(value.read()) if hasattr(value, "read") else value for name, value in arguments.items()}
