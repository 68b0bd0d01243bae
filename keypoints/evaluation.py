"""How good found points are, beside labels: PCK, NME, lengths, calibration, categories, each with what chance may have made of it.

A point's error is its distance from the label as a share of the diagonal of the box around the photo's labels. PCK@.05 is the share of
points whose error is below .05, NME the mean error (Yang and Ramanan, 2013, with the garment's box in the place of a person's).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keypoints.geometry import POINT_ERRORS, Point, Position, definitions_for, diagonal, length
from tasks.figures import read_figures
from tasks.resampling import RESAMPLES, Floats, interval, two_sided

Integers = npt.NDArray[np.int64]

THRESHOLDS: Mapping[str, float] = {"pck_02": 0.02, "pck_05": 0.05, "pck_10": 0.10}
WRONG = 0.05
"""From this error on a point is called wrong: where confidence is compared with truth."""
BANDS = tuple(zip([lowest for lowest, _ in POINT_ERRORS], [1.0, *(lowest for lowest, _ in POINT_ERRORS)], strict=False))
"""Of confidence, (low, high): those of `POINT_ERRORS`; a value belongs to the highest band whose lower end it reaches."""


@dataclass(frozen=True)
class PointError:
    point: str
    error: float
    confidence: float


@dataclass(frozen=True)
class Judged:
    """What one labelled photo says of an answer: errors of its points, relative errors of its lengths by their name, and the category
    that the network saw, None if it does not tell."""

    file: str
    category: str
    points: tuple[PointError, ...] = ()
    lengths: Mapping[str, float] | None = None
    seen: str | None = None


def judged(file: str, category: str, labels: Mapping[str, Position], found: Sequence[Point], seen: str | None = None) -> Judged:
    """Labels and found points are in pixels of the same picture. A length counts where all its points are labelled: in pixels of both,
    as if the scale were known."""
    size = diagonal(list(labels.values()))
    by_name = {point.name: point for point in found}
    errors = [
        PointError(name, math.dist(by_name[name].position, position) / size, by_name[name].confidence) for name, position in labels.items()
    ]
    positions = {name: point.position for name, point in by_name.items()}
    truths = {definition: length(definition, labels) for definition in definitions_for(list(labels))}
    lengths = {definition.name: abs(length(definition, positions) / truth - 1) for definition, truth in truths.items() if truth}
    return Judged(file, category, tuple(errors), lengths, seen)


def figures(errors: Floats) -> dict[str, float]:
    """PCK at each threshold, NME and median of at least one error."""
    shares = {name: float(np.mean(errors < threshold)) for name, threshold in THRESHOLDS.items()}
    return {**shares, "nme": float(np.mean(errors)), "median": float(np.median(errors))}


def report(photos: Sequence[Judged]) -> dict[str, Any]:
    """Everything about one set of answers, ready for JSON. At least one photo must have points."""
    labelled = [photo for photo in photos if photo.points]
    return {
        "photos": len(labelled),
        "points": sum(len(photo.points) for photo in labelled),
        **figures(errors_of(labelled)),
        "intervals": intervals(labelled),
        "by_category": grouped((photo.category, photo.points) for photo in labelled),
        "by_landmark": grouped((point.point, [point]) for photo in labelled for point in photo.points),
        "lengths": lengths(labelled),
        "calibration": calibration([point for photo in labelled for point in photo.points]),
        "categories": categories(photos),
        "by_photo": [asdict(photo) for photo in photos],
    }


def read_report(file: Path) -> list[Judged]:
    """The photos of a report that was written as JSON. Raises ValueError for any other file."""
    return read_figures(file, lambda figures: [of_row(row) for row in figures["by_photo"]], command="evaluate_keypoints")


def of_row(row: Mapping[str, Any]) -> Judged:
    return Judged(**{**row, "points": tuple(PointError(**point) for point in row["points"])})


def errors_of(photos: Iterable[Judged]) -> Floats:
    return np.array([point.error for photo in photos for point in photo.points])


def grouped(points: Iterable[tuple[str, Iterable[PointError]]]) -> dict[str, dict[str, float]]:
    """The figures of each group by its name, in the order of names, with the number of its points."""
    groups: dict[str, list[float]] = defaultdict(list)
    for name, members in points:
        groups[name] += [point.error for point in members]
    return {name: {"points": len(errors), **figures(np.array(errors))} for name, errors in sorted(groups.items())}


def lengths(photos: Iterable[Judged]) -> dict[str, dict[str, float]]:
    """Of each measurement, and of `all`: how many, the median relative error, and the shares within 5 and 10 %."""
    groups: dict[str, list[float]] = defaultdict(list)
    for photo in photos:
        for name, error in (photo.lengths or {}).items():
            groups[name].append(error)
            groups["all"].append(error)
    return {name: length_figures(np.array(errors)) for name, errors in sorted(groups.items())}


def length_figures(errors: Floats) -> dict[str, float]:
    within = {f"within_{percent:02}": float(np.mean(errors <= percent / 100)) for percent in (5, 10)}
    return {"count": len(errors), "median": float(np.median(errors)), **within}


def calibration(points: Sequence[PointError]) -> dict[str, Any]:
    """Of each band of confidence that has points the share that is wrong and the error that nine of ten stay under; and how well
    confidence tells wrong from right (AUROC)."""
    confidences = np.array([point.confidence for point in points])
    errors = np.array([point.error for point in points])
    wrong = errors >= WRONG
    bands = []
    above = np.inf
    for low, high in BANDS:
        inside = (confidences >= low) & (confidences < above)
        above = low
        if inside.any():
            band = {"from": low, "to": high, "points": int(inside.sum())}
            band |= {"confidence": float(confidences[inside].mean()), "wrong": float(wrong[inside].mean())}
            bands.append(band | {"p90": float(np.quantile(errors[inside], 0.9))})
    return {"bands": bands, "auroc": auroc(confidences[~wrong], confidences[wrong])}


def auroc(right: Floats, wrong: Floats) -> float | None:
    """The chance that a right point is surer than a wrong one; a tie counts half. None where one of the two is missing."""
    if not len(right) or not len(wrong):
        return None
    ordered = np.sort(wrong)
    below, not_above = np.searchsorted(ordered, right, "left"), np.searchsorted(ordered, right, "right")
    return float(np.mean(below + not_above) / 2 / len(wrong))


def categories(photos: Sequence[Judged]) -> dict[str, Any] | None:
    """How often the network saw the labelled category, and as what it saw each; None for a network that does not tell."""
    seen = [(photo.category, photo.seen) for photo in photos if photo.seen is not None]
    if not seen:
        return None
    confusion: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for category, told in sorted(seen):
        confusion[category][told] += 1
    right = sum(category == told for category, told in seen)
    return {"photos": len(seen), "right": right / len(seen), "confusion": {name: dict(row) for name, row in confusion.items()}}


# -- what chance may have made of it


def resampled(photos: Sequence[Judged], statistics: Callable[[Integers], list[float]]) -> Floats:
    """One row of statistics for each bootstrap sample: photos drawn with replacement, as the points of one photo err together.

    `statistics` takes how often each photo was drawn. The same draws for the same number of photos.
    """
    rng = np.random.default_rng(0)
    draws = (np.bincount(rng.integers(0, len(photos), len(photos)), minlength=len(photos)) for _ in range(RESAMPLES))
    return np.array([statistics(times) for times in draws])


class Weighted:
    """The figures of photos of which each counts several times."""

    def __init__(self, photos: Sequence[Judged]) -> None:
        errors = errors_of(photos)
        owners = np.repeat(np.arange(len(photos)), [len(photo.points) for photo in photos])
        order = np.argsort(errors)
        self.errors, self.owners = errors[order], owners[order]
        self.below = np.array([np.bincount(owners[errors < threshold], minlength=len(photos)) for threshold in THRESHOLDS.values()])
        self.sums = np.bincount(owners, errors, minlength=len(photos))
        self.counts = np.bincount(owners, minlength=len(photos))

    def __call__(self, times: Integers) -> list[float]:
        """As `figures` has them, in its order."""
        count = int(times @ self.counts)
        passed = np.cumsum(times[self.owners])
        middle = np.searchsorted(passed, [(count - 1) // 2, count // 2], "right")
        return [*(self.below @ times / count), times @ self.sums / count, self.errors[middle].mean()]


def intervals(photos: Sequence[Judged]) -> dict[str, list[float] | None]:
    """The 95 % percentile interval of each figure."""
    rows = resampled(photos, Weighted(photos))
    return {name: interval(rows[:, column]) for column, name in enumerate(figures(errors_of(photos)))}


def compared(photos: Sequence[Judged], others: Sequence[Judged]) -> dict[str, dict[str, Any]]:
    """Of each figure how much larger it is than the others' on the same photos, its 95 % interval, and a two-sided p: how likely chance
    alone makes such a difference (paired bootstrap over photos)."""
    photos, others = ([photo for photo in them if photo.points] for them in (photos, others))
    if [photo.file for photo in photos] != [photo.file for photo in others]:
        raise ValueError("not the same photos")
    mine, theirs = Weighted(photos), Weighted(others)
    rows = resampled(photos, lambda times: list(np.subtract(mine(times), theirs(times))))
    here, there = figures(errors_of(photos)), figures(errors_of(others))
    return {
        name: {"difference": here[name] - there[name], "interval": interval(rows[:, column]), "p": two_sided(rows[:, column])}
        for column, name in enumerate(here)
    }
