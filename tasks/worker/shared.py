"""A few bytes of memory that a worker's parent shares with the children it forks."""

from __future__ import annotations

import mmap
import struct
from enum import IntEnum

from tasks.models import WorkerState

STOPPING, FAILED_LOADS, STATE, DOING, SUSPICIOUS, DRAINS, LOAD_SECONDS, PID, REMARK, DEVICE_BYTES = 0, 1, 2, 3, 4, 5, 8, 16, 20, 320
REMARK_BYTES = 300  # what a worker's row takes
STATES = (WorkerState.LOADING, WorkerState.READY, WorkerState.DOWN)


class Doing(IntEnum):
    """What a child is at. A successor that finds anything but NOTHING knows what its predecessor died of, or in."""

    NOTHING = 0
    LOADING = 1
    SAMPLE = 2
    JOB = 3


class Shared:
    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, DEVICE_BYTES + 8)

    @property
    def stopping(self) -> bool:
        return self.memory[STOPPING] == 1

    def stop(self) -> None:
        self.memory[STOPPING] = 1

    @property
    def failed_loads(self) -> int:
        return self.memory[FAILED_LOADS]

    @failed_loads.setter
    def failed_loads(self, count: int) -> None:
        self.memory[FAILED_LOADS] = min(count, 255)

    @property
    def state(self) -> WorkerState:
        """The child's; the parent writes it into the worker's row, so that a child can load while the database is away."""
        return STATES[self.memory[STATE]]

    @state.setter
    def state(self, state: WorkerState) -> None:
        self.memory[STATE] = STATES.index(state)

    @property
    def doing(self) -> Doing:
        return Doing(self.memory[DOING])

    @doing.setter
    def doing(self, what: Doing) -> None:
        self.memory[DOING] = what

    @property
    def suspicious(self) -> bool:
        """Whether a job's death is not yet cleared by the built-in sample: remembered across loads that fail."""
        return self.memory[SUSPICIOUS] == 1

    @suspicious.setter
    def suspicious(self, suspicious: bool) -> None:
        self.memory[SUSPICIOUS] = suspicious

    @property
    def drains(self) -> int:
        """How many wake-ups the children have heard, modulo 256: one that hears is not deaf, however many wait."""
        return self.memory[DRAINS]

    def count_drain(self) -> None:
        self.memory[DRAINS] = (self.memory[DRAINS] + 1) % 256

    @property
    def load_seconds(self) -> float:
        """How long the last load of the model took: what it costs to kill a child."""
        seconds: float = struct.unpack_from("d", self.memory, LOAD_SECONDS)[0]
        return seconds

    @load_seconds.setter
    def load_seconds(self, seconds: float) -> None:
        struct.pack_into("d", self.memory, LOAD_SECONDS, seconds)

    @property
    def pid(self) -> int:
        """The child's that began last. The pool tells of a death before it forks the next, so this is whom it tells of."""
        pid: int = struct.unpack_from("i", self.memory, PID)[0]
        return pid

    @pid.setter
    def pid(self, pid: int) -> None:
        struct.pack_into("i", self.memory, PID, pid)

    @property
    def remark(self) -> str:
        """The model's, after its last load."""
        return self.memory[REMARK:DEVICE_BYTES].rstrip(b"\0").decode(errors="ignore")

    @remark.setter
    def remark(self, remark: str) -> None:
        self.memory[REMARK:DEVICE_BYTES] = remark.encode()[:REMARK_BYTES].ljust(REMARK_BYTES, b"\0")

    @property
    def device_bytes(self) -> int:
        """What the child may hold beside its kind's limits: CUDA's libraries alone are more than some."""
        count: int = struct.unpack_from("q", self.memory, DEVICE_BYTES)[0]
        return count

    @device_bytes.setter
    def device_bytes(self, count: int) -> None:
        struct.pack_into("q", self.memory, DEVICE_BYTES, count)
