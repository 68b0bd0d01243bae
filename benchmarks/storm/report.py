"""A storm's account as tables, and as facts for a file."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.table import Table

from benchmarks.storm.account import Books, balanced, figures, problems
from benchmarks.storm.history import Met
from benchmarks.storm.plan import PARTS, VICTIMS

LISTED = 20  # of the offenders
DEFINITIONS = """\
Recovery: seconds from the SIGKILL until work of the same kind went on, whatever else was killed meanwhile.
child, parent: until a worker of the same name claimed a job with another process; "hit job ended": until the job that it ran had ended.
web: until /livez answered and no process of the killed ones lived. redis: until it answered and a job submitted since was claimed.
housekeeping: until its process was started again. "Hit": the killed worker's child ran a job at that moment, by the triggers' record.
Kills overlap: a recovery may have waited for that of another victim. Starts are backed off, 0.5 s doubling up to 30 s, as by `up`."""


def facts(books: Books) -> dict[str, Any]:
    found = problems(books)
    return {
        "balanced": balanced(found),
        "figures": figures(books),
        "checks": {name: len(offenders) for name, offenders in found.items()},
        "offenders": {name: offenders[:LISTED] for name, offenders in found.items() if offenders},
        "recoveries": [line(name, met) for name, met in groups(books.met)],
        "kills": [of_kill(met) for met in books.met],
        "histories": histories(books, found),
    }


def histories(books: Books, found: dict[str, list[str]]) -> dict[str, list[str]]:
    """What the database wrote down of the first offenders."""
    jobs = [job for offenders in found.values() for job in offenders[:LISTED] if job in books.history.by_job]
    return {job: [f"{c.at:.3f} {c.old or '-'} > {c.new} {c.program} {c.pid}" for c in books.history.by_job[job]] for job in jobs}


def of_kill(met: Met) -> dict[str, Any]:
    kill = met.kill
    return {
        "victim": kill.victim,
        "program": kill.program,
        "part": kill.part,
        "at": kill.at,
        "aimed": kill.aimed,
        "hit": met.hit,
        "then": met.then,
        "hit_ended": met.hit_ended,
        "recovery": met.recovery,
    }


def groups(all_met: Sequence[Met]) -> Iterable[tuple[str, list[Met]]]:
    """By victim; the web by its parts."""
    for victim in VICTIMS:
        for part in PARTS if victim == "web" else ("",):
            yield (f"{victim} {part}".strip(), [met for met in all_met if (met.kill.victim, met.kill.part) == (victim, part)])


def line(name: str, all_met: Sequence[Met]) -> dict[str, Any]:
    return {
        "victim": name,
        "kills": len(all_met),
        "aimed": sum(met.kill.aimed for met in all_met),
        "hit": sum(bool(met.hit) for met in all_met),
        "queued_again": sum(met.then == "queued" for met in all_met),
        "recovery": spread([met.recovery for met in all_met]),
        "hit_ended": spread([met.hit_ended for met in all_met]),
    }


def spread(seconds: Sequence[float | None]) -> dict[str, float] | None:
    """Median, 95th percentile (nearest rank) and longest; None without a value."""
    values = sorted(value for value in seconds if value is not None)
    if not values:
        return None
    return {"median": statistics.median(values), "p95": values[math.ceil(0.95 * len(values)) - 1], "longest": values[-1]}


# -- tables
def account_table(found: dict[str, Any]) -> Table:
    made = Table("account", "count", box=box.MARKDOWN)
    made.columns[1].justify = "right"
    for name, count in found["figures"].items():
        made.add_row(name, str(count))
    for name, count in found["checks"].items():
        made.add_row(f"[bold]{name}[/]", f"[bold]{count}[/]")
    made.add_row("[bold]the account balances[/]", "[bold]yes[/]" if found["balanced"] else "[bold red]NO[/]")
    return made


def kills_table(found: dict[str, Any]) -> Table:
    heads = ("killed", "kills", "aimed", "hit a running job", "which was queued again", "recovery: median", "p95", "longest")
    made = Table(*heads, "hit job ended: median", "p95", "longest", box=box.MARKDOWN)
    for column in made.columns[1:]:
        column.justify = "right"
    for row in found["recoveries"]:
        worker = row["victim"] in ("child", "parent")
        counts = [str(row[name]) if worker else "" for name in ("aimed", "hit", "queued_again")]
        made.add_row(row["victim"], str(row["kills"]), *counts, *seconds(row["recovery"]), *seconds(row["hit_ended"]))
    return made


def seconds(found: dict[str, float] | None) -> list[str]:
    return [f"{found[name]:.2f} s" for name in ("median", "p95", "longest")] if found else ["", "", ""]
