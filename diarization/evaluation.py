"""How good turns are on recordings with references: error rates in all and of groups, each with what chance may have made of it.

The diarization error rate (DER) of several recordings is all that is wrong in them as a share of all their speech, in percent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.figures import read_figures
from tasks.resampling import RESAMPLES, Floats, interval, two_sided

Seconds = Mapping[str, float]
"""`miss`, `false_alarm`, `confusion`, and `total`: that of speech in the reference."""

WRONG = ("miss", "false_alarm", "confusion")
NOT_COUNTED = "concat"
"""The group of recordings that are other ones of the folder joined: printed, but counted nowhere else."""
BANDS = tuple(zip((0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9), (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), strict=True))
"""Of confidence, (low, high); a value belongs to the highest band whose lower end it reaches."""


@dataclass(frozen=True)
class Judged:
    """One recording: what is wrong strictly and outside the collar, how many speak and were found, and of each turn with a confidence
    (its seconds, confidence, and how many of the seconds are right)."""

    file: str
    seconds: float
    strict: Seconds
    collar: Seconds
    speakers_true: int
    speakers_found: int
    turns: tuple[tuple[float, float, float], ...] = ()

    @property
    def group(self) -> str:
        """What its name begins with: `ami` of `ami_trn00.wav`."""
        stem = Path(self.file).stem
        return NOT_COUNTED if stem.endswith(f"_{NOT_COUNTED}") else stem.partition("_")[0]


def report(files: Sequence[Judged]) -> dict[str, Any]:
    """Everything about one set of answers, ready for JSON. At least one file must count."""
    counted = [file for file in files if file.group != NOT_COUNTED]
    groups = sorted({file.group for file in files}, key=lambda name: (name == NOT_COUNTED, name))
    return {
        **figures(counted),
        "by_group": {name: figures([file for file in files if file.group == name]) for name in groups},
        "reliability": reliability([turn for file in counted for turn in file.turns]),
        "files": [{"group": file.group, **rates([file]), **asdict(file)} for file in files],
    }


def figures(files: Sequence[Judged]) -> dict[str, Any]:
    """Error rates in percent with 95 % intervals (bootstrap over files), and how well speakers were counted."""
    misses = [abs(file.speakers_found - file.speakers_true) for file in files]
    drawn = draws(len(files))
    return {
        **rates(files),
        "intervals": {f"der_{kind}": interval(known(drawn_rates(files, kind, drawn))) for kind in ("strict", "collar")},
        "recordings": len(files),
        "seconds": sum(file.seconds for file in files),
        "count_exact": sum(miss == 0 for miss in misses) / len(files),
        "count_error": sum(misses) / len(files),
    }


def rates(files: Sequence[Judged]) -> dict[str, float | None]:
    """The error rate, strict and outside the collar, and its strict parts, in percent."""
    parts = {name: share(files, "strict", (name,)) for name in WRONG}
    return {"der_strict": share(files, "strict", WRONG), "der_collar": share(files, "collar", WRONG), **parts}


def share(files: Sequence[Judged], kind: str, names: Sequence[str]) -> float | None:
    wrong, total = sums(files, kind, names)
    return float(100 * wrong.sum() / total.sum()) if total.sum() else None


def sums(files: Sequence[Judged], kind: str, names: Sequence[str]) -> tuple[Floats, Floats]:
    """Of each file the seconds that are wrong, and those of speech."""
    chosen: list[Seconds] = [getattr(file, kind) for file in files]
    return np.array([sum(one[name] for name in names) for one in chosen]), np.array([one["total"] for one in chosen])


def reliability(turns: Sequence[tuple[float, float, float]]) -> list[dict[str, float]]:
    """Of each band of confidence that has turns: how many, their seconds, their mean confidence and the share that is right, by time."""
    table = np.array(turns, np.float64).reshape(-1, 3)
    rows = []
    for low, high in BANDS:
        last = high == BANDS[-1][1]
        inside = table[(table[:, 1] >= low) & ((table[:, 1] < high) | last)]
        if len(inside):
            seconds = inside[:, 0].sum()
            confidence, right = inside[:, 0] @ inside[:, 1] / seconds, inside[:, 2].sum() / seconds
            row = {"from": low, "to": high, "turns": len(inside), "seconds": float(seconds)}
            rows.append(row | {"confidence": float(confidence), "right": float(right)})
    return rows


def read_report(file: Path) -> list[Judged]:
    """The files of a report that was written as JSON. Raises ValueError for any other file."""
    return read_figures(file, lambda figures: [of_row(row) for row in figures["files"]], command="evaluate_diarization")


def of_row(row: Mapping[str, Any]) -> Judged:
    values = {name: row[name] for name in Judged.__dataclass_fields__}
    return Judged(**{**values, "turns": tuple((seconds, sure, right) for seconds, sure, right in values["turns"])})


# -- what chance may have made of it


def draws(files: int) -> npt.NDArray[np.int64]:
    """(RESAMPLES, files): how often each file is drawn in samples with replacement; the same for the same number of files."""
    rng = np.random.default_rng(0)
    return rng.multinomial(files, np.full(files, 1 / files), size=RESAMPLES)


def drawn_rates(files: Sequence[Judged], kind: str, drawn: npt.NDArray[np.int64]) -> Floats:
    """The error rate in percent of each sample, NaN for a sample without speech."""
    wrong, total = sums(files, kind, WRONG)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate: Floats = 100 * (drawn @ wrong) / (drawn @ total)
    return rate


def known(values: Floats) -> Floats:
    """Without those of samples that hold no speech."""
    return values[np.isfinite(values)]


def compared(files: Sequence[Judged], others: Sequence[Judged]) -> dict[str, dict[str, Any]]:
    """Of each error rate how much higher it is than the others' on the same files, in percent points; the 95 % interval of that, and a
    two-sided p: how likely chance alone makes such a difference (paired bootstrap over files). Raises ValueError for other files."""
    files, others = ([file for file in them if file.group != NOT_COUNTED] for them in (files, others))
    if [file.file for file in files] != [file.file for file in others]:
        raise ValueError("the other figures are not of the same recordings")
    drawn = draws(len(files))
    return {f"der_{kind}": comparison(files, others, kind, drawn) for kind in ("strict", "collar")}


def comparison(files: Sequence[Judged], others: Sequence[Judged], kind: str, drawn: npt.NDArray[np.int64]) -> dict[str, Any]:
    values = known(drawn_rates(files, kind, drawn) - drawn_rates(others, kind, drawn))
    here, there = share(files, kind, WRONG), share(others, kind, WRONG)
    difference = None if here is None or there is None else here - there
    return {"before": there, "difference": difference, "interval": interval(values), "p": two_sided(values)}
