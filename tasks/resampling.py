"""What chance may have made of a figure: intervals and p by the bootstrap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RESAMPLES = 10_000
LEVEL = 0.95


def interval(values: Floats) -> list[float] | None:
    """The 95 % percentile interval of a figure, by its values in the samples; None if there are none."""
    if not len(values):
        return None
    return [float(value) for value in np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])]


def two_sided(differences: Floats) -> float:
    """How likely chance alone makes such a difference: twice the share of the samples on the rarer side of zero; never less than one
    sample. 1 if there are none."""
    if not len(differences):
        return 1.0
    rarer = min(float(np.mean(differences <= 0)), float(np.mean(differences >= 0)))
    return min(1.0, 2 * max(rarer, 1 / len(differences)))
