"""One run of one server, and what came of it."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.client import Seen, drive
from benchmarks.engine import FINE
from benchmarks.processes import cpu_of, machine_seconds, pss, settled
from benchmarks.serving.servers import Server, running
from benchmarks.serving.work import Work


def one_run(name: str, work: Work) -> dict[str, Any]:
    """The server is started for this run alone: nothing idles beside it, and none suffers from what an earlier run broke."""
    with running(name) as server:
        drive(server.load(work.warm_up()))
        settled(0.3)
        found = counted(server, work)
        alive = FINE in drive(server.load(work.single())).answers
        return {"server": name, "work": work.name, "alive": alive, **found, "account": server.account()}


def counted(server: Server, work: Work) -> dict[str, Any]:
    """CPU is told only where no process dies: that of a dead one is in nobody's account."""
    processes, load_average = server.groups(), os.getloadavg()[0]
    before, everything = cpu_of(processes), machine_seconds()
    seen = drive(server.load(work))
    facts = {**outcome(seen, work), "load_average": load_average}
    if not work.poison_every:
        settled(0.3)
        spent = {group: seconds - before[group] for group, seconds in cpu_of(processes).items()}
        others = machine_seconds() - everything - sum(spent.values()) - seen.cpu_seconds
        facts |= {**costs(spent, seen, work), "others_cores": max(others, 0.0) / seen.seconds}
    return {**facts, "pss_mb": sum(pss(pid) for pids in server.groups().values() for pid in pids)}


def outcome(seen: Seen, work: Work) -> dict[str, Any]:
    """Latencies are those of the jobs that succeeded, `seconds` the time until the last of them; `lost` are the others but the poison."""
    each = list(zip(seen.milliseconds, seen.moments, seen.ends, strict=True))
    fine = [milliseconds for milliseconds, _, end in each if end == FINE]
    return {
        "answered": len(fine),
        "lost": work.innocents - len(fine),
        "answers": seen.answers,
        "poison_answers": seen.odd_answers,
        "seconds": max((moment for _, moment, end in each if end == FINE), default=seen.seconds),
        **latency(fine),
    }


def latency(milliseconds: Sequence[float]) -> dict[str, float | None]:
    if len(milliseconds) < 2:
        return {"p50_ms": None, "p95_ms": None, "longest_ms": None}
    cuts = statistics.quantiles(milliseconds, n=20, method="inclusive")
    return {"p50_ms": cuts[9], "p95_ms": cuts[18], "longest_ms": max(milliseconds)}


def costs(spent: dict[str, float], seen: Seen, work: Work) -> dict[str, Any]:
    """CPU milliseconds per job: a model process's beyond the model's own, and the server's in all. The client's is apart."""
    per_job = {group: seconds * 1000 / work.jobs for group, seconds in spent.items()}
    per_job["child"] -= work.model_ms
    return {"cpu_ms": per_job, "overhead_ms": sum(per_job.values()), "client_ms": seen.cpu_seconds * 1000 / work.jobs}
