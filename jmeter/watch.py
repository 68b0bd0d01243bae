"""What the machine and each process of the service do while a plan runs: one look a second."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from benchmarks.blocking.server import Baseline
from benchmarks.processes import cpu_seconds, family, memory
from tests.stack import Stack

WAITING = "SELECT kind, state, count(*) FROM tasks_job WHERE state IN ('queued', 'running') GROUP BY kind, state"
CHARGED = "SELECT COALESCE(SUM(crashes), 0), COALESCE(SUM(losses), 0) FROM tasks_job"
MODEL, PARENT = "model", "parent"
CLIENTS = ("JMeter", "this program")  # watched, and no part of the service
PASSING = "garment processes"  # of the blocking baseline: one for each picture, so that an end is no death
Watched = Stack | Baseline


@dataclass(frozen=True)
class Look:
    """`at` in seconds since 1970; `cores` used since the look before, and `megabytes` (PSS), by process; jobs by kind."""

    at: float
    machine_cpu_percent: float
    machine_memory_percent: float
    cores: dict[str, float] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)
    queued: dict[str, int] = field(default_factory=dict)
    running: dict[str, int] = field(default_factory=dict)
    died: tuple[str, ...] = ()
    crashes: int = 0
    losses: int = 0


class Watch:
    """Without a service of our own, only this machine and the processes in `others` are watched, which are no part of the service."""

    def __init__(self, service: Watched | None, others: Mapping[str, int]) -> None:
        self.service = service
        self.others = others
        self.looks: list[Look] = []
        self.known: dict[str, list[int]] = {}
        self.used: dict[int, float] = {}
        self.looked_at = time.monotonic()
        psutil.cpu_percent()  # the first answer of it means nothing
        self.look()
        self.looks.clear()

    def look(self) -> Look:
        now, at = time.monotonic(), time.time()
        seconds, self.looked_at = max(now - self.looked_at, 1e-3), now
        processes = {**service_processes(self.service), **{name: [pid] for name, pid in self.others.items()}}
        queued, running, crashes, losses = self.jobs()
        found = Look(
            at=at,
            machine_cpu_percent=psutil.cpu_percent(),
            machine_memory_percent=psutil.virtual_memory().percent,
            cores={name: self.newly_used(pids) / seconds for name, pids in processes.items()},
            megabytes={name: proportional(pids) for name, pids in processes.items()},
            queued=queued,
            running=running,
            died=tuple(name for name, pids in self.known.items() if self.meant_to_live(name) and set(pids) - set(processes.get(name, []))),
            crashes=crashes,
            losses=losses,
        )
        self.known = processes
        self.looks.append(found)
        return found

    def meant_to_live(self, name: str) -> bool:
        return name != PASSING and name not in self.others

    def newly_used(self, pids: Sequence[int]) -> float:
        """CPU seconds since the look before; of a process that was not there then, all."""
        total = 0.0
        for pid in pids:
            with suppress(OSError):
                used = cpu_seconds([pid])
                total += used - self.used.get(pid, used if not self.looks else 0.0)
                self.used[pid] = used
        return total

    def jobs(self) -> tuple[dict[str, int], dict[str, int], int, int]:
        """Those that wait and run by kind, and what the engine has charged in all."""
        if not isinstance(self.service, Stack):
            return {}, {}, 0, 0
        counts: dict[str, dict[str, int]] = {"queued": {}, "running": {}}
        for kind, state, number in self.service.select(WAITING):
            counts[state][kind] = number
        [(crashes, losses)] = self.service.select(CHARGED)
        return counts["queued"], counts["running"], crashes, losses


def service_processes(service: Watched | None) -> dict[str, list[int]]:
    """The pids of a service by what they do."""
    if isinstance(service, Baseline):
        return baseline_processes(service.pid)
    return stack_processes(service) if service else {}


def baseline_processes(master: int) -> dict[str, list[int]]:
    """gunicorn with its web processes, and theirs."""
    try:
        web = [process.pid for process in psutil.Process(master).children()]
    except psutil.NoSuchProcess:
        return {"web": [], PASSING: []}
    return {"web": [master, *web], PASSING: [pid for process in web for pid in alive(process)[1:]]}


def stack_processes(stack: Stack) -> dict[str, list[int]]:
    """Of a worker its Celery parent, and the child that holds the model."""
    found: dict[str, list[int]] = {}
    for name, program in stack.programs.items():
        pids = alive(program.process.pid) if program.process and program.running else []
        if name in stack.workers:
            found |= {f"{name} {MODEL}": pids[1:], f"{name} {PARENT}": pids[:1]}
        else:
            found[name] = pids
    return found


def alive(pid: int) -> list[int]:
    try:
        return family(pid)
    except psutil.NoSuchProcess:
        return []


def proportional(pids: Sequence[int]) -> float:
    """Megabytes of memory; a process that died meanwhile has none."""
    total = 0.0
    for pid in pids:
        with suppress(OSError, AssertionError):  # a zombie's pages are gone, and its file is empty
            total += memory(pid).pss
    return total


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the straight line through (seconds, value) by least squares: value per second. 0 for fewer than two moments."""
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
