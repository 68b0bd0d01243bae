"""The diarization model of the workers: a recording in, turns and speakers out."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any, BinaryIO

import torch
from django.conf import settings
from threadpoolctl import threadpool_limits

from diarization.configured import OFFLINE, OFFLINE_VERSION
from diarization.inference.decoding import Recording, count_channels
from diarization.inference.diarizer import Asked, Diarizer, Found, Heard, Turn
from diarization.inference.listening import speech_regions
from diarization.inference.peaks import audiowaveform
from diarization.inference.pipelines import chosen
from diarization.inference.voice_activity import VoiceActivity
from diarization.inference.weights import package_file
from diarization.inference.work import LISTENING, Work
from diarization.kind import KIND
from diarization.plausibility import warnings
from diarization.results import document
from tasks.devices import CPU
from tasks.errors import Code, InvalidInput
from tasks.inference.devices import Placement
from tasks.inference.model import InferenceModel, Run

Facts = dict[str, Any]
SPEECH_ALONE: Facts = {"pipeline": OFFLINE, "model_version": OFFLINE_VERSION, "device": CPU, "fallback": None}
"""Who answers where channels are taken one by one: the offline pipeline's voice activity, on the CPU, whatever is set."""


class DiarizationModel(InferenceModel):
    """Who spoke when, on one thread: two of torch or numpy take up to 15 times longer on a busy machine. Parallel work is for processes."""

    version = KIND.model_version

    def load(self) -> None:
        torch.set_num_threads(1)
        threadpool_limits(1, user_api="blas")
        self.placement = Placement(self.built)
        self.remark, self.device_bytes = self.placement.choice.remark, self.placement.choice.resident_bytes
        self.sample()

    def sample(self) -> None:
        """The recording out of the pyannote.audio package."""
        with package_file("pyannote", "audio/sample/sample.wav").open("rb") as sample:
            self.predict(Run(), sample)

    def built(self, device: torch.device) -> Diarizer:
        """Of what was chosen, only what clients are told is kept here: the placement has the pipeline, and lets go of it."""
        found = chosen(device)
        self.fallback, self.warnings = found.fallback, found.warnings
        return found.diarizer

    @cached_property
    def voice_activity(self) -> VoiceActivity:
        """For channels taken one by one, whatever the pipeline."""
        return VoiceActivity()

    def predict(
        self,
        run: Run,
        audio: BinaryIO,
        num_speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        channels: str = "mix",
        reference: BinaryIO | None = None,
    ) -> Facts:
        """Find the turns of the speakers; see `diarization.serializers.PredictResultSerializer` for the result.

        `channels` is "mix", or "separate": one speaker a channel, found by its speech alone. `reference` is RTTM that the turns are scored
        by. Saves `peaks.json` and, of a mix, `heard`, which `recluster` reads. Speech of nobody (silence, noise) is an answer, with the
        warning `no_speech`. Raises InvalidInput("invalid_audio" | "too_long" | "invalid_reference").
        """
        asked = Asked(num_speakers, min_speakers, max_speakers)
        check_reference(reference)
        if channels == "separate":
            work = Work(run, parts=count_channels(audio))
            found, recordings = self.apart(work, audio)
            by, told = SPEECH_ALONE, list[Facts]()
        else:
            work = Work(run)
            found, recordings = self.mixed(work, audio, asked)
            by, told = self.answered()
        run.save("peaks.json", io.BytesIO(audiowaveform(recording.peaks for recording in recordings)))
        seconds, complete = recordings[0].seconds, all(recording.complete for recording in recordings)
        result = {**counted(work, named(found, channels), seconds, asked, told, complete=complete), **by}
        return {**result, "channels": channels, "score": scored(reference, result) if reference else None}

    def mixed(self, work: Work, audio: BinaryIO, asked: Asked) -> tuple[Found, list[Recording]]:
        """Speakers told apart by their voices."""

        def attempt(diarizer: Diarizer) -> tuple[Recording, Heard, Found]:
            recording = opened(audio)
            heard = diarizer.listen(work.blocks(recording), work.report, Checkpoint(work.run, diarizer.name, diarizer.version))
            work.begin("speakers", LISTENING)
            return recording, heard, diarizer.speakers(heard, asked)

        recording, heard, found = self.placement.run(attempt)
        work.run.save("heard", io.BytesIO(heard.dump()), private=True, sealed=True)
        return found, [recording]

    def apart(self, work: Work, audio: BinaryIO) -> tuple[Found, list[Recording]]:
        """The speech of each channel is one speaker's; `speaker` is the channel's number."""
        turns, recordings = [], []
        for channel in range(work.parts):
            recording = opened(audio, channel=channel)
            regions = speech_regions(self.voice_activity, work.blocks(recording, channel), work.report)
            turns += [Turn(float(start), float(end), channel) for start, end in regions]
            recordings.append(recording)
        work.begin("speakers", LISTENING)
        turns.sort(key=lambda turn: (turn.start, turn.end))
        return Found(turns, one_at_a_time(turns)), recordings

    def recluster(
        self,
        run: Run,
        heard: BinaryIO,
        num_speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        reclustered_from: str | None = None,
    ) -> Facts:
        """The result for another number of speakers, from what `predict` has saved as `heard` in the job `reclustered_from`.

        Raises InvalidInput("not_reclusterable") if that is of another pipeline, or of another version of it.
        """
        asked = Asked(num_speakers, min_speakers, max_speakers)
        work = Work(run)
        work.begin("speakers", 0.0)
        stored = Heard.load(heard)
        found = self.placement.run(lambda diarizer: told_apart(diarizer, stored, asked))
        by, told = self.answered()
        result = {**counted(work, named(found, "mix"), stored.seconds, asked, told), **by}
        return {**result, "channels": "mix", "score": None, "reclustered_from": reclustered_from}

    def answered(self) -> tuple[Facts, list[Facts]]:
        """Which pipeline the last run on the device was of, where, and what clients are told of that."""
        diarizer, fallback = self.placement.placed(), self.fallback or self.placement.fallback
        by = {"pipeline": diarizer.name, "model_version": diarizer.version, "device": self.placement.device, "fallback": fallback}
        return by, self.warnings + self.placement.warnings


def counted(work: Work, found: Facts, seconds: float, asked: Asked, told: list[Facts], *, complete: bool = True) -> Facts:
    """The part of a result that any pipeline's answer has; `told` are warnings beside those of the answer."""
    work.pause()
    said = document(found["turns"], found["exclusive"], seconds)
    return {
        "duration_seconds": round(seconds, 3),
        **said,
        "asked": asdict(asked),
        "timings_ms": work.milliseconds,
        "reclustered_from": None,
        "warnings": warnings(said, seconds, complete=complete, **asdict(asked)) + told,
    }


def told_apart(diarizer: Diarizer, heard: Heard, asked: Asked) -> Found:
    if (heard.pipeline, heard.version) != (diarizer.name, diarizer.version):
        raise InvalidInput(Code.NOT_RECLUSTERABLE, "The recording was heard by another pipeline than runs now; send it again.")
    return diarizer.speakers(heard, asked)


def opened(audio: BinaryIO, channel: int | None = None) -> Recording:
    audio.seek(0)
    limits = {"max_seconds": settings.DIARIZATION_MAX_SECONDS, "block_seconds": settings.DIARIZATION_BLOCK_SECONDS}
    return Recording(audio, **limits, channel=channel)


def check_reference(reference: BinaryIO | None) -> None:
    """Before the work: nobody waits for four hours to be heard for that. How long the recording is, and what is beyond it, shows later."""
    if reference:
        from diarization.inference.scoring import read_rttm

        read_rttm(reference, settings.DIARIZATION_MAX_SECONDS)
        reference.seek(0)


def scored(reference: BinaryIO, result: Facts) -> Facts:
    """How wrong the turns are by a reference; see `diarization.inference.scoring`."""
    from diarization.inference.scoring import annotation, read_rttm, score

    seconds = result["duration_seconds"]
    measured: Facts = score(read_rttm(reference, seconds), annotation(result["turns"]), seconds)
    return measured


def named(found: Found, channels: str) -> Facts:
    """Turns as the result has them."""

    def facts(turn: Turn) -> Facts:
        speaker = f"CHANNEL_{turn.speaker + 1}" if channels == "separate" else f"SPEAKER_{turn.speaker:02d}"
        return {**asdict(turn), "speaker": speaker}

    return {"turns": [facts(turn) for turn in found.turns], "exclusive": [facts(turn) for turn in found.exclusive]}


def one_at_a_time(turns: Sequence[Turn]) -> list[Turn]:
    """Turns, sorted by start, without overlap: who speaks goes on to the end, and others begin after that."""
    alone: list[Turn] = []
    silent_from = 0.0
    for turn in turns:
        start = max(turn.start, silent_from)
        if start < turn.end:
            alone.append(replace(turn, start=start))
            silent_from = turn.end
    return alone


class Checkpoint:
    """Where a job is, kept by its run (`diarization.inference.diarizer.Kept`).

    What another pipeline, another version of it or one with other blocks has left is passed over.
    """

    def __init__(self, run: Run, pipeline: str, version: str) -> None:
        self.run = run
        self.of = {"pipeline": pipeline, "version": version, "block_seconds": settings.DIARIZATION_BLOCK_SECONDS}

    def resume(self) -> tuple[int, Heard] | None:
        if not (kept := self.run.resume()):
            return None
        blocks, file = kept
        with file:
            heard = Heard.load(file)
        return (blocks, heard) if heard.facts.get("of") == self.of else None

    def keep(self, blocks: int, heard: Heard) -> None:
        marked = replace(heard, facts={**heard.facts, "of": self.of})
        self.run.checkpoint(blocks, io.BytesIO(marked.dump()))
