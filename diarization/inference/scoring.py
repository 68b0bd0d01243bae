"""Diarization error rate against a reference, by pyannote.metrics: overlap scored, over the whole recording."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate
from pyannote.metrics.identification import IdentificationErrorRate
from scipy.optimize import linear_sum_assignment

from tasks.errors import Code, InvalidInput
from tasks.languages import sentence

MOST_AT_ONCE = 50  # speakers of a reference; the time that scoring takes grows with their square
PIECE_TURNS = 100
COLLAR_SECONDS = 0.25  # on either side of each boundary of the reference, as NIST's; pyannote.metrics takes the whole width
PARTS = {"miss": "missed detection", "false_alarm": "false alarm", "confusion": "confusion"}


def read_rttm(file: BinaryIO, duration: float) -> Annotation:
    """The speech of a recording of `duration` seconds by NIST's Rich Transcription Time Marked; what reaches beyond its end is cut off.

    Lines of other types than SPEAKER and comments (;;) are passed over. Raises InvalidInput("invalid_reference") for anything else, for a
    file of several recordings, where no speech is left, and where more than 50 speak at once.
    """
    marked, recordings = Annotation(), set()
    for number, line in enumerate(file.read().splitlines(), 1):
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
    if most_at_once(marked) > MOST_AT_ONCE:
        said = sentence("More than %(most)s people speak at once in the reference.", most=MOST_AT_ONCE)
        raise InvalidInput(Code.INVALID_REFERENCE, said)
    return marked


def most_at_once(turns: Annotation) -> int:
    changes = sorted(change for segment, _ in turns.itertracks() for change in ((segment.start, 1), (segment.end, -1)))
    return max(accumulate(step for _, step in changes))


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
    """Seconds of `miss`, `false_alarm` and `confusion`, and of speech in the reference (`total`, where two speak each counts).

    The answer is that of pyannote.metrics' DiarizationErrorRate, whose time grows with the square of the number of turns and more. Piece by
    piece it is in proportion to them: speakers are matched by what the pieces have in common, then errors are counted in each.
    """
    whole = Timeline([Segment(0, duration)])
    scored = DiarizationErrorRate().extrude(whole, reference, collar=2 * collar_seconds)
    compared = list(pieces(reference, found, scored, duration))
    names = matched(compared)
    seconds: Counter[str] = Counter()
    for piece in compared:
        mapped = piece.found.rename_labels(mapping={label: names.get(label, (label,)) for label in piece.found.labels()})
        seconds.update(IdentificationErrorRate().compute_components(piece.reference, mapped, uem=piece.scored))
    return {**{name: float(seconds[part]) for name, part in PARTS.items()}, "total": float(seconds["total"])}


class Piece(NamedTuple):
    """A stretch of a recording, and what of it is `scored`."""

    reference: Annotation
    found: Annotation
    scored: Timeline


def pieces(reference: Annotation, found: Annotation, scored: Timeline, duration: float) -> Iterator[Piece]:
    """In time's order; a turn that reaches over an edge is in both pieces, which changes no sum."""
    starts = sorted(segment.start for turns in (reference, found) for segment, _ in turns.itertracks())
    edges = [0.0, *starts[PIECE_TURNS::PIECE_TURNS], duration]
    parts = zip(cut(reference, edges), cut(found, edges), cut(scored.to_annotation(), edges), strict=True)
    for here, there, counted in parts:
        extent = counted.get_timeline()
        yield Piece(here.crop(extent), there.crop(extent), extent)


def cut(turns: Annotation, edges: Sequence[float]) -> list[Annotation]:
    parts = [Annotation() for _ in edges[1:]]
    for number, (segment, _, label) in enumerate(turns.itertracks(yield_label=True)):
        first, after = max(bisect_right(edges, segment.start) - 1, 0), bisect_left(edges, segment.end)
        for place in range(first, min(after, len(parts))):
            if inside := segment & Segment(edges[place], edges[place + 1]):
                parts[place][inside, number] = label
    return parts


def matched(compared: Sequence[Piece]) -> dict[str, str]:
    """The reference's speaker for each one found: those pairs that have most time in common, all in all (Kuhn's assignment)."""
    common: Counter[tuple[str, str]] = Counter()
    for piece in compared:
        for (segment, track), (other, another) in piece.reference.co_iter(piece.found):
            common[piece.reference[segment, track], piece.found[other, another]] += (segment & other).duration
    theirs, ours = (sorted({pair[side] for pair in common}) for side in (0, 1))
    table = np.array([[common[true, name] for name in ours] for true in theirs]).reshape(len(theirs), len(ours))
    rows, columns = linear_sum_assignment(table, maximize=True)
    return {ours[column]: theirs[row] for row, column in zip(rows, columns, strict=True) if table[row, column]}


def percent(seconds: Mapping[str, float]) -> dict[str, float | None]:
    """`der` is the sum of the three others; None where the collar leaves no speech to be measured."""
    wrong = {name: seconds[name] for name in PARTS}
    shares = {"der": sum(wrong.values()), **wrong}
    return {name: round(100 * share / seconds["total"], 2) if seconds["total"] else None for name, share in shares.items()}
