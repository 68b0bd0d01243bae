"""Shares of errors and how sure they are; arithmetic alone."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

Z = 1.959964  # of a two-sided interval of 95 %


@dataclass(frozen=True)
class Rate:
    wrong: int
    count: int

    @property
    def share(self) -> float | None:
        return self.wrong / self.count if self.count else None

    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval, as if all trials were independent: those of one person are not, so the true one is wider."""
        if not self.count:
            return None
        share, n = self.wrong / self.count, self.count
        middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z / (1 + Z * Z / n) * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
        return (0.0 if not self.wrong else max(0.0, middle - half), 1.0 if self.wrong == n else min(1.0, middle + half))

    def as_json(self) -> dict[str, Any]:
        return {"wrong": self.wrong, "count": self.count, "share": self.share, "interval": self.interval()}

    def __str__(self) -> str:
        interval = self.interval()
        if interval is None:
            return "-"
        return f"{100 * self.wrong / self.count:.2f} % ({100 * interval[0]:.2f} to {100 * interval[1]:.2f}; {self.wrong} of {self.count})"
