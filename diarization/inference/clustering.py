"""How many speakers there are, and what each sounds like: mean vectors of windows of their voices.

Windows are divided at several distances (agglomerative clustering). The division into most speakers counts of whom no two are alike. How
alike two speakers are is measured beside how alike each of them is to himself: different people's windows have cosine similarities of .4
to .7, one person's of .68 to .86, depending on the recording, so no similarity tells them apart in all recordings, but the ratio does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from statistics import median_low

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import squareform

from diarization.inference.diarizer import Asked
from diarization.inference.smoothing import Floats, Labels
from diarization.inference.windows import speech_inside

Voices = NDArray[np.float32]
"""(windows, size) vectors of length 1."""

# Chosen on the development recordings and 48 simulated sessions, where the error rate is flat around them (docs/diarization.md).
ALIKE = 0.87  # of the same person, were all windows pure: 1; of different ones .9 at most, .75 to .8 on average
ALIKE_ON_THE_TELEPHONE = 0.9  # if they are two: voices differ less there, and most calls have two people
LEFT_OUT = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
"""Shares of the windows, those likeliest to hold two voices, that are not learnt from. Each gives a count, the lower median wins: a count
from one share alone changes when all windows move by a tenth of a second."""
DISTANCES = np.arange(0.44, 0.23, -0.02)
USUAL_DISTANCE = 0.35
REFINEMENTS = 2
NEARLY_AS_GOOD = 0.003  # a difference in mean similarity at which a division counts a third of the best one
LEAST_SPEECH = 0.2  # share of speech in a window that is learnt from
APART_SECONDS = 1.6  # windows at least so far apart share no sound
USUAL_SIMILARITY, USUAL_SECONDS = 0.76, 1.6  # one person's similarity to himself, counted as so much speech beside what is measured
LEAST_SECONDS, LEAST_SHARE, LEAST_SHARE_LONG = 2.0, 0.1, 0.012
"""A speaker has two seconds of windows; in recordings of under 20 seconds a tenth of all. With a fixed size ever more speakers would be
found as a recording grows, so it is also 1.2 % of all windows."""
MOST_LEARNT = 1200  # windows, evenly spaced: clustering is O(n^2) in time and memory (20,000 windows: 36 s, 3 GB)


@dataclass(frozen=True)
class Division:
    """(speakers, size) mean vectors, and how alike the two most alike of them are (0 for one speaker)."""

    means: Floats
    likeness: float

    @property
    def count(self) -> int:
        return len(self.means)


def speaker_means(vectors: Voices, starts: Floats, regions: Floats, asked: Asked, *, telephone: bool, window: float, hop: float) -> Floats:
    """(speakers, size) mean vectors of the speakers in (windows, size) vectors of length 1, of windows that begin at `starts` seconds."""
    spoken = speech_inside(starts, regions, window=window).mean(axis=1) >= LEAST_SPEECH
    if not spoken.any():
        spoken[:] = True  # only a word or two in all: learn from them all the same
    steady = steadiness(vectors, starts + window / 2, regions, lag=max(1, round(window / 2 / hop)))

    def learning(left_out: float) -> Learning:
        return Learning.of(vectors, starts, spoken & (steady >= np.quantile(steady[spoken], left_out)), hop)

    divisions = [list(learning(share).divisions()) for share in LEFT_OUT]  # one at a time: each holds three tables of all pairs
    found = median_low(max(one.count for one in some if all_differ(one, telephone)) for some in divisions)
    count = within(found, asked)
    expected = count != found or (telephone and count == 2)  # then any division into as many will do
    fitting = [one for some in divisions for one in some if one.count == count and (expected or all_differ(one, telephone))]
    return blended(fitting or [learning(LEFT_OUT[0]).forced(count)], vectors[spoken])


def all_differ(division: Division, telephone: bool) -> bool:
    """That no two of its speakers are too alike to be different people."""
    return division.likeness < (ALIKE_ON_THE_TELEPHONE if telephone and division.count == 2 else ALIKE)


def within(found: int, asked: Asked) -> int:
    least = asked.num_speakers or asked.min_speakers or 1
    most = asked.num_speakers or asked.max_speakers or max(found, least)
    return min(max(found, least), most)


def blended(divisions: list[Division], vectors: Voices) -> Floats:
    """The means of divisions into as many speakers, matched and averaged: the more similar the vectors are to their own speakers' means
    (k-means' measure), the more a division counts. To take the best alone would be to choose between nearly equal ones by chance."""
    candidates = [unit(one.means) for one in divisions]
    fit = np.array([similarities(vectors, means).max(axis=1).mean() for means in candidates])
    best = candidates[int(fit.argmax())]
    matched = np.stack([means[linear_sum_assignment(-(best @ means.T))[1]] for means in candidates])
    blend: Floats = np.average(matched, axis=0, weights=np.exp((fit - fit.max()) / NEARLY_AS_GOOD))
    return blend


def similarities(vectors: Voices, means: Floats) -> Floats:
    """(windows, speakers) cosine similarities of vectors of length 1 to the speakers' means. Vectors stay in 32 bits: those of four hours
    take 23 MB so, and they are many."""
    table: Floats = (vectors @ unit(means).astype(np.float32).T).astype(np.float64)
    return table


def steadiness(vectors: Voices, centres: Floats, regions: Floats, *, lag: int) -> Floats:
    """(windows,) similarity of the windows `lag` before and after each, where a change of the speaker shows as a low one.

    Beyond the end of a region the window itself takes the place of the one that is not there.
    """
    own = np.arange(len(vectors))
    region = np.searchsorted(regions[:, 0], centres, side="right")
    around = [np.clip(own + step, 0, len(own) - 1) for step in (-lag, lag)]
    before, after = (np.where(region[place] == region, place, own) for place in around)
    similarity: Floats = np.einsum("ij,ij->i", vectors[before], vectors[after]).astype(np.float64)
    return similarity


@dataclass(frozen=True)
class Learning:
    """The windows that are learnt from: their vectors, 1 for pairs of them that share no sound, and the fewest that make a speaker."""

    vectors: Floats
    apart: Floats
    smallest: int
    usual: float

    @classmethod
    def of(cls, vectors: Voices, starts: Floats, chosen: NDArray[np.bool_], hop: float) -> Learning:
        places = np.flatnonzero(chosen)
        every = max(1.0, len(places) / MOST_LEARNT)
        places = places[np.linspace(0, len(places) - 1, min(len(places), MOST_LEARNT)).round().astype(int)]
        least = min(round(LEAST_SECONDS / hop / every), round(LEAST_SHARE * len(places)))
        smallest = max(1, least, round(LEAST_SHARE_LONG * len(places)))
        times = starts[places]
        apart = (np.abs(times[:, None] - times) >= APART_SECONDS).astype(np.float64)
        return cls(vectors[places].astype(np.float64), apart, smallest, USUAL_SECONDS / hop / every)

    @cached_property
    def tree(self) -> Floats:
        """Average linkage by cosine distance, as `scipy.cluster.hierarchy.linkage` gives it."""
        merges: Floats = linkage(squareform(1 - self.cosines, checks=False), "average")
        return merges

    @cached_property
    def cosines(self) -> Floats:
        table: Floats = np.minimum(self.vectors @ self.vectors.T, 1.0)
        return table

    @cached_property
    def similarities(self) -> Floats:
        """Of the pairs that share no sound; 0 for the others."""
        return self.apart * self.cosines

    def divisions(self) -> Iterator[Division]:
        """From few speakers to many, beginning with a single one."""
        yield Division(self.vectors.mean(axis=0, keepdims=True), 0.0)
        if len(self.vectors) > 1:
            cuts = [fcluster(self.tree, distance, "distance") for distance in DISTANCES]
            different = [cut for before, cut in zip([None, *cuts], cuts, strict=False) if before is None or (before != cut).any()]
            yield from map(self.refined, different)

    def forced(self, count: int) -> Division:
        """Into `count` speakers, or as many as there are windows: of all cuts of the tree the one with as many speakers that is nearest to
        the usual distance; if there is none, the cut into as many clusters of any size."""
        if len(self.vectors) == 1:
            return Division(self.vectors, 0.0)
        for distance in sorted(set(self.tree[:, 2]), key=lambda height: abs(height - USUAL_DISTANCE)):
            labels = fcluster(self.tree, distance, "distance")
            if len(self.large(labels)) == count:
                return self.division(self.assigned(self.means(labels, self.large(labels))))
        return self.division(fcluster(self.tree, count, "maxclust"))

    def refined(self, labels: Labels) -> Division:
        """A division with its small clusters given to the others, and every window to the speaker it is most similar to."""
        for _ in range(REFINEMENTS):
            labels = self.assigned(self.means(labels, self.large(labels)))
        return self.division(self.assigned(self.means(labels, self.large(labels))))

    def large(self, labels: Labels) -> Labels:
        """The labels of large clusters; the largest if all are small."""
        names, sizes = np.unique(labels, return_counts=True)
        chosen: Labels = names[sizes >= min(self.smallest, sizes.max())]
        return chosen

    def means(self, labels: Labels, names: Labels) -> Floats:
        return np.stack([self.vectors[labels == name].mean(axis=0) for name in names])

    def assigned(self, means: Floats) -> Labels:
        labels: Labels = (self.vectors @ unit(means).T).argmax(axis=1)
        return labels

    def division(self, labels: Labels) -> Division:
        return Division(self.means(labels, np.unique(labels)), self.likeness(labels))

    def likeness(self, labels: Labels) -> float:
        """The highest ratio of two speakers' mean similarity to each other to that to themselves (its geometric mean): the cosine between
        their voices as it would be without the scatter of single windows."""
        members = (labels[:, None] == np.unique(labels)).astype(np.float64)
        total, pairs = (members.T @ (table @ members) for table in (self.similarities, self.apart))
        sizes = members.sum(axis=0)
        measured, weight = total.diagonal() / sizes, pairs.diagonal() / sizes
        own = (measured + self.usual * USUAL_SIMILARITY) / (weight + self.usual)
        ratio = total / np.maximum(pairs, 1) / np.sqrt(np.outer(own, own))
        np.fill_diagonal(ratio, 0.0)
        return float(ratio.max())


def unit(vectors: Floats) -> Floats:
    scaled: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return scaled
