"""The figures of all runs as tables, and FitSize's beside those of each peer."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks import machine
from benchmarks.engine import WORKERS
from benchmarks.report import spread, table
from benchmarks.serving.servers import TITLES

Run = dict[str, Any]
GROUPS = ("web", "parent", "child", "broker", "housekeeping")
USUAL = "50 ms"
PROTOTYPE_RATIO = 0.93  # of LitServe, with the front: findings/front.md


def chosen(facts: dict[str, Any], work: str, server: str) -> list[Run]:
    """Its runs, round by round."""
    return [run for run in facts["runs"] if (run["work"], run["server"]) == (work, server)]


def works(facts: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(run["work"] for run in facts["runs"]))


def servers(facts: dict[str, Any], work: str) -> list[str]:
    return [name for name in TITLES if chosen(facts, work, name)]


def rates(facts: dict[str, Any], work: str, server: str) -> list[float]:
    """Jobs a second that succeeded. One that died goes on answering nothing while FitSize's run of the same round lasts."""
    runs, ours = chosen(facts, work, server), chosen(facts, work, "fitsize")
    seconds = [run["seconds"] for run in runs]
    for number, (run, our) in enumerate(zip(runs, ours, strict=False)):
        if not run["alive"]:
            seconds[number] = max(run["seconds"], our["seconds"])
    return [run["answered"] / each for run, each in zip(runs, seconds, strict=True)]


def rate_ratios(facts: dict[str, Any], work: str, peer: str) -> list[float]:
    """FitSize's jobs a second over the peer's, round by round; none where the peer answered nothing."""
    pairs = zip(rates(facts, work, "fitsize"), rates(facts, work, peer), strict=True)
    return [ours / theirs for ours, theirs in pairs if theirs]


def latency_ratios(facts: dict[str, Any], work: str, peer: str, name: str) -> list[float]:
    pairs = zip(chosen(facts, work, "fitsize"), chosen(facts, work, peer), strict=True)
    return [ours[name] / theirs[name] for ours, theirs in pairs if ours[name] and theirs[name]]


def text(facts: dict[str, Any]) -> str:
    parts = [machine.in_words(facts["machine"]), conditions(facts)]
    for work in works(facts):
        parts += [throughput(facts, work), *([] if "poison" in work else [cpu(facts, work)])]
    return "\n\n".join([*parts, verdict(facts)])


def conditions(facts: dict[str, Any]) -> str:
    peers = ", ".join(f"{name} {number}" for name, number in facts["peers"].items())
    lines = [
        f"{len(WORKERS)} model processes each, {facts['clients']} closed-loop clients, 40 KB of base64 a job; started anew for each run.",
        f"Each cell: median (lowest-highest) of {facts['rounds']} interleaved rounds; ratios are those of the runs of a round.",
    ]
    return "\n".join([f"peers: {peers}" if peers else "no peers", *lines])


def throughput(facts: dict[str, Any], work: str) -> str:
    rows = [[work, "jobs", "jobs/s", "p50 ms", "p95 ms", "longest", "lost", "poison", "dead after", "PSS MB"]]
    rows += [row(facts, work, name) for name in servers(facts, work)]
    rows += [ratio_row(facts, work, peer) for peer in compared(facts, work)]
    return table(rows)


def row(facts: dict[str, Any], work: str, server: str) -> list[str]:
    runs = chosen(facts, work, server)
    latencies = [cell([run[name] for run in runs], 0) for name in ("p50_ms", "p95_ms", "longest_ms")]
    jobs = f"{len(runs)} x {runs[0]['answered'] + runs[0]['lost']}"
    lost, dead = cell([run["lost"] for run in runs], 0), f"{sum(not run['alive'] for run in runs)} of {len(runs)}"
    poison = cell([sum(run["poison_answers"].values()) for run in runs], 0)
    memory = cell([run["pss_mb"] for run in runs if run["alive"]], 0)
    return [TITLES[server], jobs, cell(rates(facts, work, server), 1), *latencies, lost, poison, dead, memory]


def ratio_row(facts: dict[str, Any], work: str, peer: str) -> list[str]:
    latencies = [times(latency_ratios(facts, work, peer, name)) for name in ("p50_ms", "p95_ms", "longest_ms")]
    return [f"  FitSize / {TITLES[peer]}", "", times(rate_ratios(facts, work, peer)), *latencies, "", "", "", ""]


def compared(facts: dict[str, Any], work: str) -> list[str]:
    names = servers(facts, work)
    return [name for name in names if name != "fitsize"] if "fitsize" in names else []


def cpu(facts: dict[str, Any], work: str) -> str:
    rows = [["CPU ms per job", "web", "parent", "child - model", "broker", "housekeeping", "all of them", "client", "others' cores"]]
    for name in servers(facts, work):
        runs = chosen(facts, work, name)
        groups = [cell([run["cpu_ms"][group] for run in runs if group in run["cpu_ms"]], 2) for group in GROUPS]
        rest = [cell([run[key] for run in runs], 2) for key in ("overhead_ms", "client_ms", "others_cores")]
        rows.append([TITLES[name], *groups, *rest])
    return table(rows)


def cell(values: Sequence[float | None], digits: int) -> str:
    known = [value for value in values if value is not None]
    return spread(known, digits) if known else "-"


def times(ratios: Sequence[float]) -> str:
    return f"{spread(ratios, 2)}x" if ratios else "-"


def lost(facts: dict[str, Any]) -> int:
    """Jobs without poison to which FitSize gave no result."""
    return sum(run["lost"] for run in facts["runs"] if run["server"] == "fitsize")


def verdict(facts: dict[str, Any]) -> str:
    lines = [f"jobs without poison that FitSize gave no result: {lost(facts)}"]
    for work in works(facts):
        lines += [judged(facts, work, peer) for peer in compared(facts, work) if work.startswith(USUAL)]
    return "\n".join(lines)


def judged(facts: dict[str, Any], work: str, peer: str) -> str:
    rate, p95 = rate_ratios(facts, work, peer), latency_ratios(facts, work, peer, "p95_ms")
    goals = (PROTOTYPE_RATIO, 1.0) if (work, peer) == (USUAL, "litserve") else (1.0,)
    said = ", ".join(f"{goal:g}x {holds(rate, goal)}" for goal in goals)
    return f"{work}, beside {TITLES[peer]}: jobs/s {times(rate)} ({said}), p95 {times(p95)}{no_worse(p95)}"


def holds(ratios: Sequence[float], least: float) -> str:
    return "holds" if ratios and statistics.median(ratios) >= least else "is missed"


def no_worse(ratios: Sequence[float]) -> str:
    return f" ({'no worse' if statistics.median(ratios) <= 1 else 'worse'})" if ratios else ""
