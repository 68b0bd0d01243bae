"""Diarization error rate against a reference, by pyannote.metrics: overlap scored, over the whole recording."""

from __future__ import annotations

import math
from codecs import BOM_UTF8
from collections.abc import Mapping
from typing import Any, BinaryIO

from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate

from tasks.errors import Code, InvalidInput
from tasks.languages import sentence

COLLAR_SECONDS = 0.25  # on either side of each boundary of the reference, as NIST's; pyannote.metrics takes the whole width
PARTS = {"miss": "missed detection", "false_alarm": "false alarm", "confusion": "confusion"}


def read_rttm(file: BinaryIO, duration: float) -> Annotation:
    """The speech of a recording of `duration` seconds by NIST's Rich Transcription Time Marked; what reaches beyond its end is cut off.

    Lines of other types than SPEAKER and comments (;;) are passed over. Raises InvalidInput("invalid_reference") for anything else, for a
    file of several recordings, and where no speech is left.
    """
    marked, recordings = Annotation(), set()
    for number, line in enumerate(file, 1):
        fields = line.removeprefix(BOM_UTF8).split()
        if not fields or fields[0] != b"SPEAKER":
            continue
        segment, speaker = speech_of(fields, number)
        recordings.add(fields[1])
        inside = segment & Segment(0, duration)
        if inside:
            marked[inside, number] = speaker
    if len(recordings) > 1:
        raise InvalidInput(Code.INVALID_REFERENCE, "The reference names several recordings.")
    if not marked:
        raise InvalidInput(Code.INVALID_REFERENCE, "The reference has no SPEAKER line with speech within the recording.")
    return marked


def speech_of(fields: list[bytes], number: int) -> tuple[Segment, str]:
    """Where a SPEAKER line (type, file, channel, start, duration, -, -, name, ...) says that who speaks."""
    try:
        start, seconds, speaker = float(fields[3]), float(fields[4]), fields[7].decode()
    except (LookupError, ValueError):
        start = seconds = math.nan
    if not (0 <= start < math.inf and 0 < seconds < math.inf):
        raise InvalidInput(Code.INVALID_REFERENCE, sentence("Line %(number)s of the reference is not RTTM.", number=number))
    return Segment(start, start + seconds), speaker


def annotation(turns: list[dict[str, Any]]) -> Annotation:
    """Turns of a result: `start`, `end`, `speaker`."""
    marked = Annotation()
    for number, turn in enumerate(turns):
        marked[Segment(turn["start"], turn["end"]), number] = turn["speaker"]
    return marked


def score(reference: Annotation, found: Annotation, duration: float) -> dict[str, Any]:
    """Percent of the reference's speech that is wrong, with and without what lies within 0.25 s of a boundary of the reference."""
    strict = errors(reference, found, duration)
    return {
        "strict": percent(strict),
        "collar": percent(errors(reference, found, duration, collar_seconds=COLLAR_SECONDS)),
        "collar_seconds": COLLAR_SECONDS,
        "overlap": "scored",
        "reference_seconds": round(strict["total"], 3),
    }


def errors(reference: Annotation, found: Annotation, duration: float, *, collar_seconds: float = 0.0) -> dict[str, float]:
    """Seconds of `miss`, `false_alarm` and `confusion`, and of speech in the reference (`total`, where two speak each counts)."""
    metric = DiarizationErrorRate(collar=2 * collar_seconds)
    parts = metric(reference, found, uem=Timeline([Segment(0, duration)]), detailed=True)
    return {**{name: float(parts[part]) for name, part in PARTS.items()}, "total": float(parts["total"])}


def percent(seconds: Mapping[str, float]) -> dict[str, float | None]:
    """`der` is the sum of the three others; None where the collar leaves no speech to be measured."""
    wrong = {name: seconds[name] for name in PARTS}
    shares = {"der": sum(wrong.values()), **wrong}
    return {name: round(100 * share / seconds["total"], 2) if seconds["total"] else None for name, share in shares.items()}
