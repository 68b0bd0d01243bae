"""The engine's figures as tables."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks import machine

# CPU ms per job with a 50 ms model and 30 clients: findings/engine.md, section 4 (parent, child, broker, housekeeping, client) and
# findings/front.md, section 2 (web behind the front). Another machine (AMD EPYC, 2 cores), and prototypes without keys, hashes or fsync.
FOUND: dict[str, dict[str, tuple[float, ...]]] = {
    "30 clients, Prefer: wait": {
        "web": (3.54, 3.75), "parent": (0.21,), "child": (1.33,), "broker": (0.17,), "housekeeping": (0.04,), "client": (0.09,),
    },
    "30 clients, submit + ?wait": {
        "web": (5.29,), "parent": (0.21,), "child": (1.46,), "broker": (0.17,), "housekeeping": (0.04,), "client": (0.13,),
    },
}  # fmt: skip
FOUND_P50 = {
    "1 client, Prefer: wait": (6.9, 8.4),
    "1 client, submit + ?wait": (8.1, 8.3),
}  # submit to result, ms: findings/front.md, section 2
GROUPS = ("web", "parent", "child", "broker", "housekeeping", "client")
TARGET = "30 clients, Prefer: wait"
ALLOWED = 1.2


def text(facts: dict[str, Any]) -> str:
    parts = [machine.in_words(facts["machine"]), conditions(facts), latencies(facts), cpu(facts), idle(facts), verdict(facts), truth(facts)]
    return "\n\n".join(parts)


def progress(number: int, run: dict[str, Any]) -> str:
    cpu = ", ".join(f"{name} {value:.2f}" for name, value in run["cpu_ms"].items())
    return (
        f"round {number + 1}, {run['configuration']}: {run['jobs_per_second']:.1f}/s, p50 - model {run['overhead_p50_ms']:.1f} ms;"
        f" CPU ms/job: {cpu}; others {run['others_cores']:.2f} cores; {run['answers']}"
    )


def conditions(facts: dict[str, Any]) -> str:
    return (
        f"{facts['workers']} workers, 1 web process, SQLite (synchronous=FULL), Redis; 40 KB of base64 per job."
        f"\n30 clients: a model of {facts['model_ms']:g} ms of CPU; 1 client: of 0 ms, and 5 ms pause."
        f"\nEach cell: median (lowest-highest) of {facts['rounds']} interleaved rounds."
    )


def latencies(facts: dict[str, Any]) -> str:
    header = ["submit to result - model", "jobs", "jobs/s", "p50 ms", "p95 ms", "p50 beyond queue", "found p50", "others' cores"]
    rows = [header]
    for name, runs in by_configuration(facts).items():
        keys = ("jobs_per_second", "overhead_p50_ms", "overhead_p95_ms", "beyond_queue_p50_ms")
        cells = [spread([run[key] for run in runs], 1) for key in keys]
        others = spread([run["others_cores"] for run in runs], 2)
        rows.append([name, f"{len(runs)} x {runs[0]['jobs']}", *cells, figures(FOUND_P50.get(name)), others])
    return (
        table(rows)
        + "\n(beyond queue: 30 closed-loop clients wait for 2 workers, 30 / 2 models long at least; others: CPU that other programs took)"
    )


def cpu(facts: dict[str, Any]) -> str:
    rows = [["CPU ms per job", "web", "parent", "child - model", "broker", "housekeeping", "client", "parent+child+broker"]]
    for name, runs in by_configuration(facts).items():
        cells = [spread([run["cpu_ms"][group] for run in runs], 2) for group in GROUPS]
        rows.append([name, *cells, spread([run["engine_cpu_ms"] for run in runs], 2)])
        if found := FOUND.get(name):
            rows.append(["   findings (50 ms)", *[figures(found[group]) for group in GROUPS], f"{found_engine(name):.2f}"])
            rows.append(["   times that", *ratios(runs, found), f"{engine_ratio(facts, name):.2f}x"])
    return table(rows)


def ratios(runs: Sequence[dict[str, Any]], found: dict[str, tuple[float, ...]]) -> list[str]:
    return [f"{median(runs, group) / statistics.mean(found[group]):.2f}x" for group in GROUPS]


def median(runs: Sequence[dict[str, Any]], group: str) -> float:
    values: list[float] = [run["cpu_ms"][group] for run in runs]
    return statistics.median(values)


def found_engine(name: str) -> float:
    return sum(FOUND[name][group][0] for group in ("parent", "child", "broker"))


def engine_ratio(facts: dict[str, Any], name: str) -> float:
    runs = by_configuration(facts)[name]
    values: list[float] = [run["engine_cpu_ms"] for run in runs]
    return statistics.median(values) / found_engine(name)


def idle(facts: dict[str, Any]) -> str:
    costs = ", ".join(f"{name} {value:.1f}" for name, value in facts["idle_ms_per_second"].items())
    return f"CPU ms per second while idle (contained in the figures above): {costs}"


def verdict(facts: dict[str, Any]) -> str:
    ratio = engine_ratio(facts, TARGET)
    word = "holds" if ratio <= ALLOWED else "is missed"
    comparable = "" if facts["model_ms"] == 50 else " (the findings are for a model of 50 ms: not comparable)"
    figure = f"parent + child + broker: {ratio:.2f}x the findings' {found_engine(TARGET):.2f} ms, of another machine"
    return f"{figure}: {ALLOWED}x {word}{comparable}; beside the reference code on this one: python -m benchmarks.reference"


def truth(facts: dict[str, Any]) -> str:
    found = facts["truth"]
    after = " ".join(f"{value:.2f}" for value in facts["load_average_after"])
    lines = [
        f"load average after: {after}",
        f"rows: {found['states']}, tried again: {found['tried_again']}, inputs left on disk: {found['files_left']}",
        f"suspicious log lines: {found['suspicious']}",
    ]
    return "\n".join([*lines, *(f"  {line}" for line in found["log_lines"])])


def by_configuration(facts: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    names = dict.fromkeys(run["configuration"] for run in facts["runs"])
    return {name: [run for run in facts["runs"] if run["configuration"] == name] for name in names}


def spread(values: Sequence[float], digits: int) -> str:
    middle = f"{statistics.median(values):.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def figures(found: tuple[float, ...] | None) -> str:
    return "-".join(f"{value:g}" for value in found) if found else ""


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)
