"""Two runs side by side: `python -m jmeter.compare A B`, two folders that `make load` has written; the page is put beside B's report."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.report import table as text_table
from jmeter.report import STYLE, section, table

FIGURE = re.compile(r"<figure><figcaption>(.*?)</figcaption>(.*?)</figure>", re.DOTALL)
FIGURES = {"samples": "count", "failed": "failed", "per s": "per_second", "mean ms": "mean", "p50": "p50", "p95": "p95"}
SIDE_BY_SIDE = "body { max-width: 1900px } .two { display: grid; grid-template-columns: 1fr 1fr; gap: 0 2em }"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m jmeter.compare", description=__doc__)
    parser.add_argument("a", type=Path)
    parser.add_argument("b", type=Path)
    options = parser.parse_args()
    runs = [json.loads((folder / "summary.json").read_text()) for folder in (options.a, options.b)]
    print(text_table(rows(runs)))
    target = options.b / f"beside-{options.a.resolve().name}.html"
    target.write_text(page([options.a, options.b], runs))
    print(f"page: {target}")
    return 0


def rows(runs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """A line for each figure of what both runs have sampled: A, B, and B in terms of A."""
    first, second = (run["samples"] for run in runs)
    lines = [["", "A", "B", "B / A"]]
    for label in (label for label in first if label in second):
        for title, key in FIGURES.items():
            one, other = first[label][key], second[label][key]
            lines.append([f"{label}, {title}", f"{one:.6g}", f"{other:.6g}", f"{other / one:.2f}x" if one else ""])
    return lines


def differing(runs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Knobs that are not the same."""
    names = sorted({name for run in runs for name in run["knobs"]})
    values = [[name, *(run["knobs"].get(name, "default") for run in runs)] for name in names]
    return [[name, one, other] for name, one, other in values if one != other]


def page(folders: Sequence[Path], runs: Sequence[dict[str, Any]]) -> str:
    found = [dict(FIGURE.findall((folder / "report.html").read_text())) for folder in folders]
    pairs = "".join(pair(title, [plots.get(title, "") for plots in found]) for title in dict.fromkeys([*found[0], *found[1]]))
    names = [folder.resolve().name for folder in folders]
    header, *lines = rows(runs)
    parts = [
        f"<h1>{escape(names[0])} (A) and {escape(names[1])} (B)</h1>",
        section("What differed", table(["", "A", "B"], [["plan", *(run["plan"] for run in runs)], *differing(runs)])),
        section("Figures", table(header, lines)),
        section("A to the left, B to the right; the scales are each plot's own", pairs),
    ]
    head = f'<meta charset="utf-8"><title>Two runs</title><style>{STYLE}{SIDE_BY_SIDE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{"".join(parts)}</body></html>\n'


def pair(title: str, plots: Sequence[str]) -> str:
    """The title is out of a page already, and needs no escaping."""
    cells = "".join(f"<div>{plot}</div>" for plot in plots)
    return f'<figure><figcaption>{title}</figcaption><div class="two">{cells}</div></figure>\n'


if __name__ == "__main__":
    sys.exit(main())
