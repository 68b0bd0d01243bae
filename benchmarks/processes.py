"""CPU and memory of processes, as Linux counts them in /proc."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.stack import Stack

TICKS = os.sysconf("SC_CLK_TCK")
MEGABYTE = 1e6
Groups = Mapping[str, Sequence[int]]


def groups(stack: Stack) -> dict[str, list[int]]:
    """The pids of a running stack by what they do: a worker is a Celery parent and the child that holds the model."""
    pids = {name: program.process.pid for name, program in stack.programs.items() if program.process}
    parents = [pids[name] for name in stack.workers]
    return {
        "web": family(pids["web"]),
        "parent": parents,
        "child": [pid for parent in parents for pid in family(parent)[1:]],
        "broker": family(pids["broker"]),
        "housekeeping": family(pids["housekeeping"]),
    }


def family(pid: int) -> list[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def cpu_seconds(pids: Sequence[int]) -> float:
    """utime + stime: ticks of 10 ms, so only sums over many jobs mean something. Raises FileNotFoundError if one of them has died."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def cpu_of(groups: Groups) -> dict[str, float]:
    return {name: cpu_seconds(pids) for name, pids in groups.items()}


def machine_seconds() -> float:
    """CPU seconds that the whole machine has worked, whoever for; and in a virtual one what its host meanwhile gave to others (steal)."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


@dataclass(frozen=True)
class Memory:
    """In megabytes (10^6 bytes): resident, and proportional (a page shared by n processes counts 1/n)."""

    rss: float
    pss: float


def memory(pid: int) -> Memory:
    return Memory(rss=field(pid, "status", "VmRSS"), pss=field(pid, "smaps_rollup", "Pss"))


def pss(pid: int) -> float:
    """0 for a process that is gone or going."""
    try:
        return memory(pid).pss
    except (OSError, AssertionError):
        return 0.0


def high_water(pid: int) -> float:
    """The most that was ever resident, in megabytes, since `reset_high_water`."""
    return field(pid, "status", "VmHWM")


def reset_high_water(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def field(pid: int, file: str, name: str) -> float:
    text = Path(f"/proc/{pid}/{file}").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    assert found, f"{file} of {pid} has no {name}"
    return int(found[1]) * 1024 / MEGABYTE


class Peak:
    """The most memory that a process was seen with; both figures are of their own moments."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.before = self.most = memory(pid)

    @property
    def added(self) -> Memory:
        return Memory(self.most.rss - self.before.rss, self.most.pss - self.before.pss)

    def look(self) -> None:
        now = memory(self.pid)
        self.most = Memory(max(now.rss, self.most.rss), max(now.pss, self.most.pss))


@contextmanager
def watched(pids: Sequence[int], every_seconds: float = 0.05) -> Iterator[list[Peak]]:
    """Look at the memory of these processes from a thread until the block ends."""
    peaks = [Peak(pid) for pid in pids]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(every_seconds):
            for peak in peaks:
                peak.look()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


def end_in_order_on_sigterm() -> None:
    """So that what a program has started (a stack, a database) is ended too, and its folder goes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def settled(seconds: float) -> None:
    """Let the last job's tail (commit, announcement, deletion) be counted before the next look."""
    time.sleep(seconds)
