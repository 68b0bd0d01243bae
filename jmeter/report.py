"""A run as one page that needs nothing beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from jmeter.objectives import Objective, Observed, average
from jmeter.plots import Plots
from jmeter.results import Sample, percentile
from jmeter.watch import Look

# Said of the service before this one: contracts of the old clients, and the issue that asked for this report.
FORMER = {
    "failed samples, %": "below 1",
    "time to result, mean, s": "2 to 3",
    "submit, p95, ms": "120, of 10 users at 3 to 5 requests a second",
    "machine's CPU on average, %": "below 65",
    "machine's memory at most, %": "65 to 70",
}
OMISSION = """Users here wait for one job before they begin another: a closed loop. When the service is slow they ask less, so a stall
of ten seconds is seen by as many samples as there are users, and not by all who would have come meanwhile ("coordinated
omission"). Percentiles of a closed loop are those of a crowd of this size that waits; they say nothing about arrivals
that do not wait. The plan <i>spike</i> comes nearer to that. The client runs on this machine and takes its share of the
CPU: see JMeter's line."""
STYLE = Path(__file__).with_suffix(".css").read_text()


def page(facts: dict[str, Any]) -> str:
    run: Observed = facts["run"]
    held: Sequence[Objective] = facts["objectives"]
    good = all(one.holds for one in held)
    word = "Every objective holds" if good else f"{sum(not one.holds for one in held)} of {len(held)} objectives failed"
    parts = [
        f"<h1>FitSize under load: {escape(facts['plan'])}</h1>",
        f"<p>{escape(facts['machine']['date'])}, {escape(facts['address'])}</p>",
        f'<p class="verdict {"good" if good else "bad"}">{word}</p>',
        section("Objectives", objectives(held)),
        section("Requests and jobs", by_label(facts["summary"]["samples"]) + account(facts)),
        *([section("Beside the service before", former(run.samples, run.looks))] if facts["plan"] == "mixed" else []),
        *plots(run.samples, run.looks),
        *([section("What failed", failures(run.samples))] if any(not sample.ok for sample in run.samples) else []),
        section("Memory", memory(facts)),
        section("How to read this", f"<p>{OMISSION}</p>"),
        section("Run", conditions(facts)),
    ]
    head = f'<meta charset="utf-8"><title>FitSize under load: {escape(facts["plan"])}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{"".join(parts)}</body></html>\n'


def section(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>\n{content}\n"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(in_digits(cell))}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table><tr>{head}</tr>\n{body}</table>"


def in_digits(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"


def objectives(held: Sequence[Objective]) -> str:
    return table(("", "measured", "at most", ""), [(one.name, one.measured, one.limit, "holds" if one.holds else "FAILED") for one in held])


def by_label(rows: dict[str, dict[str, float]]) -> str:
    keys = ("count", "failed", "per_second", "mean", "p50", "p95", "p99", "max", "queued_p50", "run_p50")
    header = ("", "samples", "failed", "per s", "mean ms", "p50", "p95", "p99", "max", "its queue p50", "its run p50")
    return table(header, [(label, *(row[key] for key in keys)) for label, row in rows.items()])


def account(facts: dict[str, Any]) -> str:
    jobs = facts["summary"]["jobs"]
    unseen = jobs["submitted"] - jobs["ended"]
    seen = f"{jobs['submitted']} jobs were accepted; the client saw {jobs['ended']} of them end, {unseen} it did not"
    return f"<p>{seen}, and {jobs['never_ended']} of those had not ended when the service was asked after the run.</p>"


def former(samples: Sequence[Sample], looks: Sequence[Look]) -> str:
    whole = [sample.milliseconds / 1000 for sample in samples if sample.whole_job]
    here = {
        "failed samples, %": 100 * average([float(not sample.ok) for sample in samples]),
        "time to result, mean, s": average(whole),
        "submit, p95, ms": percentile([sample.milliseconds for sample in samples if sample.submit], 0.95),
        "machine's CPU on average, %": average([look.machine_cpu_percent for look in looks]),
        "machine's memory at most, %": max((look.machine_memory_percent for look in looks), default=0.0),
    }
    return table(("", "here", "there, on another machine"), [(name, here[name], said) for name, said in FORMER.items()])


def plots(samples: Sequence[Sample], looks: Sequence[Look]) -> list[str]:
    if not samples:
        return []
    return [f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>\n" for title, svg in Plots(samples, looks).all().items()]


def failures(samples: Sequence[Sample]) -> str:
    """What was said most often."""
    counted = Counter((sample.label, sample.status, sample.message[:160]) for sample in samples if not sample.ok)
    return table(("sample", "status", "message", "times"), [(*what, times) for what, times in counted.most_common(20)])


def memory(facts: dict[str, Any]) -> str:
    most = facts["summary"]["megabytes"]
    rows = [(name, most[name], growth) for name, growth in facts["summary"]["growth"].items()]
    note = "<p>Growth: slope of the straight line through the later two thirds of the run. Of a run of a few minutes it says little.</p>"
    return table(("process", "most MB", "growth, MB an hour"), rows) + note


def conditions(facts: dict[str, Any]) -> str:
    machine = facts["machine"]
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    load = " ".join(f"{value:.2f}" for value in machine["load_average"])
    rows = [
        ("client", facts["about"]),
        ("machine", f"{machine['cpu']}, {machine['cores']} cores, load average before: {load}"),
        ("system", f"{machine['system']}, Python {machine['python']}, SQLite {machine['sqlite']}"),
        ("packages of this environment", packages),
        *sorted(facts["knobs"].items()),
    ]
    if not facts["own"]:
        rows.append(("watched", "this machine and JMeter only: the service was not started here"))
    complaints = "\n".join(facts["complaints"][:20])
    return table(("", ""), rows) + (f"<p>JMeter's own log complains:</p><pre>{escape(complaints)}</pre>" if complaints else "")
