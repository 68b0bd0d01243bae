"""What the kernel says of memory: how much a process holds, and how often it has killed one for want of any."""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import sys
from functools import cached_property
from pathlib import Path

import psutil

CGROUP = re.compile(r"^0::(?P<unified>.*)$|^\d+:(?:[\w,]+,)?memory(?:,[\w,]+)?:(?P<memory>.*)$", re.MULTILINE)

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
KEPT_FREE_BYTES = 48_000_000
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None
OOM_KILL = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def resident_bytes(pid: int) -> int:
    """0 if there is no such process. Looked at twice a second: on Linux a tenth of what psutil's way costs."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return resident_elsewhere(pid)


class OwnMemory:
    """How much this process holds. A child asks after each job: the file stays open, for opening it is most of the work."""

    def __init__(self) -> None:
        self.at_rest = 0  # bytes, after the heap was last given back

    @cached_property
    def file(self) -> int | None:
        try:
            return os.open("/proc/self/statm", os.O_RDONLY)
        except OSError:
            return None

    def resident_bytes(self) -> int:
        return resident_elsewhere(os.getpid()) if self.file is None else int(os.pread(self.file, 80, 0).split()[1]) * PAGE_BYTES

    def give_back(self) -> None:
        """What is free in the heap goes back to the system, if that may be much: glibc keeps what a large input leaves free.

        For a child that has nothing to do: it takes 2 to 4 ms of one that held a photo of 12 megapixels, and the next job fetches pages
        anew.
        """
        if not self.at_rest or self.resident_bytes() > self.at_rest + KEPT_FREE_BYTES:
            trim_heap()
            self.at_rest = self.resident_bytes()


def trim_heap() -> None:
    """Nothing where the C library is not glibc."""
    if trim := getattr(LIBC, "malloc_trim", None):
        trim(0)


def resident_elsewhere(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def release_code() -> int:
    """Hand back the pages of libraries that have been run so far; gives their bytes, 0 where this is no Linux.

    Most of them only a start runs. What a job runs comes back from the page cache when it does: of the 94 MB that loading the garments'
    model leaves, a photo brings back 33. Pages that were written to are left alone.
    """
    if LIBC is None:
        return 0
    madvise = LIBC.madvise
    madvise.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    released = 0
    for place in psutil.Process().memory_maps(grouped=False):
        if place.perms.startswith("r-x") and place.path.startswith("/") and not place.anonymous:
            start, end = (int(address, 16) for address in place.addr.split("-"))
            released += 0 if madvise(start, end - start, mmap.MADV_DONTNEED) else place.rss
    return released


def oom_kills(counter: Path | None) -> int:
    """How many processes the kernel has killed for want of memory, by this counter."""
    try:
        return count_in(counter) or 0 if counter else 0
    except OSError:
        return 0


def oom_counter(root: Path = Path("/")) -> Path | None:
    """The file that counts them: for our control group if the kernel does so, else for the machine; None if nothing counts."""
    for path in [*counters_of_groups(root), root / "proc/vmstat"]:
        try:
            if count_in(path) is not None:
                return path
        except OSError:
            continue
    return None


def count_in(path: Path) -> int | None:
    found = OOM_KILL.search(path.read_text())
    return int(found[1]) if found else None


def counters_of_groups(root: Path) -> list[Path]:
    """`memory.events` of cgroup v2, `memory.oom_control` of v1; inside a container the group's own folder is the mount itself."""
    try:
        groups = list(CGROUP.finditer((root / "proc/self/cgroup").read_text()))
    except OSError:
        return []
    mounts = root / "sys/fs/cgroup"
    v1 = [mounts / "memory" / group["memory"].strip("/") / "memory.oom_control" for group in groups if group["memory"]]
    v2 = [mounts / group["unified"].strip("/") / "memory.events" for group in groups if group["unified"]]
    return [*v1, mounts / "memory/memory.oom_control", *v2, mounts / "memory.events"]
