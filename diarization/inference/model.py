"""The diarization model of the workers: a recording in, turns and speakers out."""

from __future__ import annotations

from typing import Any, BinaryIO

import torch
from django.conf import settings
from pyannote.core import Annotation

from diarization.inference.decoding import Recording, decode
from diarization.inference.pipeline import OfflinePipeline
from diarization.inference.weights import package_file
from diarization.inference.windows import SAMPLE_RATE
from diarization.kind import KIND
from diarization.results import document
from tasks.errors import warning
from tasks.inference.devices import Placement
from tasks.inference.model import InferenceModel, Run
from tasks.languages import sentence

# where each step of the pipeline begins and ends, as shares of the job's time (measured; the rest is decoding and clustering)
SHARES = {"speech": (0.05, 0.3), "voices": (0.3, 0.95), "speakers": (0.95, 0.95)}


class DiarizationModel(InferenceModel):
    """Who spoke when, on one torch thread: with two, a busy machine is up to 15 times slower, so parallel work is for processes."""

    version = KIND.model_version

    def load(self) -> None:
        torch.set_num_threads(1)
        self.placement = Placement(pipeline_on)
        self.remark, self.device_bytes = self.placement.choice.remark, self.placement.choice.resident_bytes
        self.sample()

    def sample(self) -> None:
        """The recording out of the pyannote.audio package."""
        with package_file("pyannote", "audio/sample/sample.wav").open("rb") as sample:
            self.predict(Run(), sample)

    def predict(
        self,
        run: Run,
        audio: BinaryIO,
        num_speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
    ) -> dict[str, Any]:
        """Find the turns of the speakers; see `diarization.serializers.PredictResultSerializer` for the result.

        Speech of nobody (silence, noise) is an answer, with the warning `no_speech`. Raises InvalidInput("invalid_audio" | "too_long").
        """
        asked = {"num_speakers": num_speakers, "min_speakers": min_speakers, "max_speakers": max_speakers}
        report(run, "decoding")
        recording = decode(audio, max_seconds=settings.DIARIZATION_MAX_SECONDS)
        file = {"waveform": torch.from_numpy(recording.sound)[None], "sample_rate": SAMPLE_RATE, "uri": "recording"}
        found = self.placement.run(
            lambda pipeline: pipeline(
                file,
                num_speakers=num_speakers,
                min_speakers=min_speakers,
                max_speakers=max_speakers,
                hook=lambda step, _, **done: report(run, step, **done),
            )
        )
        said = turns(found)
        return {
            **document(said, said, recording.seconds),
            "duration_seconds": round(recording.seconds, 3),
            "asked": asked,
            "channels": "mix",
            "pipeline": "offline",
            "device": self.placement.device,
            "fallback": self.placement.fallback,
            "model_version": self.version,
            "timings_ms": {},
            "score": None,
            "reclustered_from": None,
            "warnings": warnings(recording, found, asked) + self.placement.warnings,
        }


def pipeline_on(device: torch.device) -> OfflinePipeline:
    pipeline = OfflinePipeline(device)
    pipeline.instantiate(pipeline.default_parameters())
    return pipeline


def report(run: Run, step: str, *, completed: int = 0, total: int = 1, **ignored: object) -> None:
    """Tell how far the job is; raises `Canceled` if nobody wants it any more."""
    run.check_canceled()
    begin, end = SHARES.get(step, (0.0, 0.0))
    run.progress(begin + (end - begin) * completed / total, step)


def turns(found: Annotation) -> list[dict[str, Any]]:
    """Those of an annotation; how sure it is of them is not known."""
    return [
        {"start": segment.start, "end": segment.end, "speaker": speaker, "confidence": None}
        for segment, _, speaker in found.itertracks(yield_label=True)
    ]


def warnings(recording: Recording, found: Annotation, asked: dict[str, int | None]) -> list[dict[str, Any]]:
    """What the client should know before trusting the result."""
    count = len(found.labels())
    told = []
    if not recording.complete:
        said = sentence("The file is damaged or ends early; only %(seconds)s s could be read.", seconds=f"{recording.seconds:.1f}")
        told.append(warning("incomplete_audio", said))
    if not count:
        told.append(warning("no_speech", "No speech was found, so there are no turns."))
    elif not count_is_as_asked(count, **asked):
        said = sentence("%(count)s speaker(s) could be told apart, which is not the number asked for.", count=count)
        told.append(warning("speaker_count_differs", said))
    return told


def count_is_as_asked(count: int, *, num_speakers: int | None, min_speakers: int | None, max_speakers: int | None) -> bool:
    least = num_speakers or min_speakers or count
    most = num_speakers or max_speakers or count
    return least <= count <= most
