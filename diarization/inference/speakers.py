"""From what was heard to who spoke when: speakers by clustering, turns by a smooth path, and how sure each turn is."""

from __future__ import annotations

import math

import numpy as np

from diarization.inference.clustering import Voices, similarities, speaker_means
from diarization.inference.diarizer import Asked, Found, Turn
from diarization.inference.embedding import WINDOW_SECONDS
from diarization.inference.listening import HOP_SECONDS
from diarization.inference.smoothing import label_region
from diarization.inference.windows import Floats

# The share of a turn's time that is right by its margin, fitted to the development recordings and 48 simulated sessions.
EVEN_MARGIN, MARGIN_SCALE = -0.058, 0.142


def tell_apart(regions: Floats, starts: Floats, vectors: Voices, asked: Asked, *, telephone: bool) -> Found:
    """Who speaks in the (regions, 2) stretches of speech, in seconds, by (windows, size) voices as vectors of length 1.

    The windows begin at `starts`, in the order of `window_starts`. Nobody is heard twice at a time: all turns are exclusive.
    """
    if not len(regions):
        return Found([], [])
    means = speaker_means(vectors, starts, regions, asked, telephone=telephone, window=WINDOW_SECONDS, hop=HOP_SECONDS)
    turns = in_order(labelled(regions, starts + WINDOW_SECONDS / 2, similarities(vectors, means)))
    return Found(turns, turns)


def labelled(regions: Floats, centres: Floats, similarities: Floats) -> list[Turn]:
    """Turns that fill the regions; `centres` are the middles of the windows, `similarities` (windows, speakers)."""
    turns: list[Turn] = []
    for start, end in regions:
        first, after = np.searchsorted(centres, [start, end])
        spans = label_region(start, end, centres[first:after], similarities[first:after])
        turns += [Turn(begin, until, speaker, confidence(margin)) for begin, until, speaker, margin in spans]
    return turns


def in_order(turns: list[Turn]) -> list[Turn]:
    """The turns with speakers numbered in the order in which they first speak."""
    numbers: dict[int, int] = {}
    return [Turn(turn.start, turn.end, numbers.setdefault(turn.speaker, len(numbers)), turn.confidence) for turn in turns]


def confidence(margin: float) -> float:
    """The share of a turn's time that is likely right, 0..1 (logistic regression)."""
    return round(1 / (1 + math.exp(-(margin - EVEN_MARGIN) / MARGIN_SCALE)), 3)
