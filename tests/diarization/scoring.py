"""Diarization error rate of turns against a reference, by pyannote.metrics: no collar, overlap scored, over the whole file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyannote.core import Annotation, Segment, Timeline
from pyannote.database.util import load_rttm
from pyannote.metrics.diarization import DiarizationErrorRate


def annotation(turns: Sequence[dict[str, Any]]) -> Annotation:
    marked = Annotation()
    for turn in turns:
        marked[Segment(turn["start"], turn["end"])] = turn["speaker"]
    return marked


def reference(path: Path) -> Annotation:
    (only,) = load_rttm(path).values()  # type: ignore[no-untyped-call]
    return only


def error_rate(truth: Annotation, found: Annotation, *, seconds: float) -> float:
    missed, total = errors(truth, found, seconds=seconds)
    return missed / total


def errors(truth: Annotation, found: Annotation, *, seconds: float) -> tuple[float, float]:
    """Seconds of missed, falsely found and confused speech together, and of speech in the reference."""
    parts = DiarizationErrorRate()(truth, found, uem=Timeline([Segment(0, seconds)]), detailed=True)
    return parts["missed detection"] + parts["false alarm"] + parts["confusion"], parts["total"]
