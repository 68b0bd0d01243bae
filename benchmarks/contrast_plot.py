"""A picture of what `benchmarks.contrast` found: `python -m benchmarks.contrast_plot FACTS.json docs/blocking-or-queue.svg`.

Of each kind the run with most workers: how long the middle one of the clients waits, and how many jobs end in a minute; both ways of
doing it on one axis, medians of the rounds.
"""

from __future__ import annotations

import io
import json
import math
import statistics
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.contrast import ratios

COLOURS = {"blocking": "#d55e00", "FitSize": "#0072b2"}
NAMES = {"blocking": "blocking, as services did it before", "FitSize": "FitSize, the queue"}
WAITING, ENDED = "p50_ms", "jobs_per_second"
BAR = 0.38
ABOUT = 0.05
"""Of a ratio's logarithm: less is no difference that one could see."""
ROOM = 1.6  # beyond the longest bar, for what stands at its end


def cases(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """One of each kind."""
    most = max(case["workers"] for case in facts["cases"])
    return [case for case in facts["cases"] if case["workers"] == most]


def median(case: dict[str, Any], side: str, name: str) -> float:
    values: list[float] = [run[side][name] for run in case["rounds"]]
    return statistics.median(values)


def times(case: dict[str, Any], name: str) -> float:
    """How many times better the queue is, as in the table; nan where the old way answered nothing."""
    ratio = statistics.median(ratios(case, name) or [math.nan])
    return 1 / ratio if name == WAITING else ratio


def figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}"


def beside(times: float) -> str:
    """In words, beside the old way; nothing where that answered nothing."""
    if math.isnan(times):
        return ""
    if abs(math.log(times)) < ABOUT:
        return ", about the same"
    return f", {times:.1f}x better" if times > 1 else f", {1 / times:.1f}x worse"


def failed(case: dict[str, Any], side: str) -> str:
    errors = sum(run[side]["errors"] for run in case["rounds"])
    return f", {errors} failed" if errors else ""


def panel(axes: Axes, found: list[dict[str, Any]], name: str, scale: float, unit: str, title: str) -> None:
    for place, case in enumerate(found):
        for side, below in (("blocking", -BAR / 2), ("FitSize", BAR / 2)):
            value = median(case, side, name) * scale
            axes.barh(place + below, value, BAR, color=COLOURS[side], label=NAMES[side] if place == 0 else None)
            said = beside(times(case, name)) if side == "FitSize" else failed(case, side)
            axes.annotate(f"{figure(value)} {unit}{said}", (value, place + below), (4, 0), textcoords="offset points", va="center")
    longest = max(median(case, side, name) * scale for case in found for side in COLOURS)
    axes.set(title=title, xlim=(0, longest * ROOM), xticks=[])
    axes.set_yticks(range(len(found)), [case["name"] for case in found])
    axes.invert_yaxis()
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def drawn(facts: dict[str, Any]) -> str:
    """The SVG."""
    found = cases(facts)
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "fitsize", "font.size": 10, "axes.titlesize": 11}):
        figure = Figure(figsize=(11, 1.6 + 0.9 * len(found)), layout="constrained", facecolor="white")
        left, right = figure.subplots(1, 2)
        panel(left, found, WAITING, 1e-3, "s", "How long one waits for an answer (shorter is better)")
        panel(right, found, ENDED, 60, "a minute", "Answers a minute (longer is better)")
        figure.suptitle(f"{facts['clients']} people ask at once; same machine, same models, same files")
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
        target = io.StringIO()
        figure.savefig(target, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return target.getvalue()


def main() -> int:
    source, target = (Path(name) for name in sys.argv[1:])
    target.write_text(drawn(json.loads(source.read_text())))
    print(f"written to {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
