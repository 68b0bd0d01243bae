"""From noisy scores in time to few clean spans: hysteresis for speech, Viterbi for speakers; numpy only."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from diarization.inference.windows import FRAME_SECONDS

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Span = tuple[int, int]

SPREAD_SECONDS = 0.3  # how far a window's opinion reaches from its middle (standard deviation)
NEIGHBOURS = 6  # windows asked per frame: with a hop of 0.4 s, all within two standard deviations and more
SIMILARITY_SCALE = 200 * FRAME_SECONDS  # cosine similarities differ by some 0.1 between speakers; this makes 20 of it a second
STRANGER = 0.6  # a usual similarity of different people, for recordings in which nobody else was found
CHANGE_PENALTY = 4.0  # a turn costs two changes: with such a difference, one under 0.4 s is not believed


def spans_above(scores: NDArray[np.floating], *, onset: float, offset: float) -> list[Span]:
    """Frames [first, after last) that begin with a score >= onset and go on until one below offset."""
    spans: list[Span] = []
    start: int | None = None
    for frame, score in enumerate(scores):
        if start is None and score >= onset:
            start = frame
        elif start is not None and score < offset:
            spans.append((start, frame))
            start = None
    return spans if start is None else [*spans, (start, len(scores))]


def join_near(spans: list[Span], *, gap: float) -> list[Span]:
    """Sorted spans, with those joined that are at most `gap` frames apart."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and start - joined[-1][1] <= gap:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def change_points(path: Labels) -> list[int]:
    """Where a sequence of labels begins, changes and ends, as indexes: [0, ..., len(path)]."""
    return [0, *(int(place) + 1 for place in np.flatnonzero(np.diff(path))), len(path)]


def best_path(scores: Floats, *, change_penalty: float) -> Labels:
    """The sequence of labels with the highest sum of (frames, labels) scores, less a penalty per change (Viterbi).

    All changes cost the same, so only the best label of the frame before competes with staying: O(frames x labels).
    """
    frames, labels = scores.shape
    came_from = np.tile(np.arange(labels), (frames, 1))
    total = scores[0].copy()
    for frame in range(1, frames):
        best = int(total.argmax())
        change = total[best] - change_penalty > total
        came_from[frame, change] = best
        total = np.where(change, total[best] - change_penalty, total) + scores[frame]
    return trace_back(came_from, last=int(total.argmax()))


def trace_back(came_from: Labels, *, last: int) -> Labels:
    path = np.empty(len(came_from), np.int64)
    path[-1] = last
    for frame in range(len(path) - 1, 0, -1):
        path[frame - 1] = came_from[frame, path[frame]]
    return path


def frame_scores(times: Floats, centres: Floats, similarities: Floats) -> Floats:
    """(times, speakers): similarities of the windows around each time, weighted by a Gaussian of the distance to their centres (sorted)."""
    around = np.searchsorted(centres, times)[:, None] + np.arange(NEIGHBOURS) - NEIGHBOURS // 2
    near = np.clip(around, 0, len(centres) - 1)
    weights = np.exp(-0.5 * ((times[:, None] - centres[near]) / SPREAD_SECONDS) ** 2) + 1e-9
    mean: Floats = (weights[:, :, None] * similarities[near]).sum(1) / weights.sum(1, keepdims=True)
    return mean


def label_region(start: float, end: float, centres: Floats, similarities: Floats) -> list[tuple[float, float, int, float]]:
    """Spans (start, end, speaker, margin) that fill a region of speech.

    `centres` (windows,) in seconds, sorted, are the middles of the region's windows; `similarities` (windows, speakers) their cosine
    similarities to the speakers. The margin is how much more similar the span is to its speaker than to the next, or to a stranger.
    """
    frames = max(1, round((end - start) / FRAME_SECONDS))
    edges = start + np.arange(frames + 1) * (end - start) / frames
    scores = frame_scores((edges[:-1] + edges[1:]) / 2, centres, similarities)
    path = best_path(scores * SIMILARITY_SCALE, change_penalty=CHANGE_PENALTY)
    ahead = margins(scores, path)
    return [
        (float(edges[first]), float(edges[after]), int(path[first]), float(ahead[first:after].mean()))
        for first, after in pairwise(change_points(path))
    ]


def margins(scores: Floats, path: Labels) -> Floats:
    """(frames,) similarity to the speaker of the path, less that to the most similar of the others and of a stranger."""
    own = scores[np.arange(len(path)), path]
    others = scores.copy()
    others[np.arange(len(path)), path] = STRANGER
    ahead: Floats = own - np.maximum(others.max(axis=1), STRANGER)
    return ahead
