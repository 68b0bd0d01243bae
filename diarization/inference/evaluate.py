"""The model on a folder of recordings with references."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyannote.core import Annotation, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate

from diarization.evaluation import Judged
from diarization.inference.model import DiarizationModel
from diarization.inference.scoring import COLLAR_SECONDS, annotation, errors, read_rttm
from tasks.errors import InvalidInput
from tasks.inference.model import Run


def recordings(folder: Path) -> list[Path]:
    """The files beside an RTTM file of the same stem, by name. Raises ValueError where there are none, or several of one stem."""
    references = {path.stem for path in folder.glob("*.rttm")}
    found = sorted(path for path in folder.glob("*") if path.stem in references and path.suffix != ".rttm" and path.is_file())
    missing = references - {path.stem for path in found}
    if not found or missing or len(found) > len(references):
        raise ValueError(f"{folder} must hold recordings, each with its reference: NAME.wav and NAME.rttm")
    return found


def judged(model: DiarizationModel, paths: list[Path]) -> Iterator[Judged]:
    """Each recording, diarized without a hint. Raises ValueError, with the name, for one that cannot be read or has no good reference."""
    for path in paths:
        try:
            yield judge(model, path)
        except InvalidInput as error:
            raise ValueError(f"{path.name}: {error}") from None


def judge(model: DiarizationModel, path: Path) -> Judged:
    with path.open("rb") as file:
        result = model.predict(Run(), file)
    seconds = result["duration_seconds"]
    with path.with_suffix(".rttm").open("rb") as file:
        reference = read_rttm(file, seconds)
    found = annotation(result["turns"])
    return Judged(
        file=path.name,
        seconds=seconds,
        strict=errors(reference, found, seconds),
        collar=errors(reference, found, seconds, collar_seconds=COLLAR_SECONDS),
        speakers_true=len(reference.labels()),
        speakers_found=result["num_speakers_found"],
        turns=tuple(right_of(reference, found, result["turns"])),
    )


def right_of(reference: Annotation, found: Annotation, turns: list[dict[str, Any]]) -> Iterator[tuple[float, float, float]]:
    """Of each turn that has a confidence: seconds, confidence, and the seconds in which the reference's speaker who goes best with the
    turn's does speak."""
    names = DiarizationErrorRate().optimal_mapping(reference, found)
    for turn in turns:
        if turn.get("confidence") is not None:
            spoken: Timeline = reference.label_timeline(names.get(turn["speaker"], ""))
            (segment,) = annotation([turn]).itersegments()
            right = spoken.support().crop(segment).duration()
            yield segment.duration, turn["confidence"], float(right)
