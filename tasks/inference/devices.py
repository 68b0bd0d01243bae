"""Where a model computes: on the CPU, unless this worker was started for an accelerator and has one for itself (DESIGN.md, "Devices")."""

from __future__ import annotations

import gc
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any, Generic, Protocol, TypeVar

import psutil
import torch

from tasks import devices
from tasks.devices import CPU, MPS, Asked
from tasks.errors import warning
from tasks.inference.accelerators import PRESENT, Accelerator, compute_in_full, lost_its_device, ran_out_of_memory
from tasks.inference.leases import Lease
from tasks.inference.self_test import disagreement
from tasks.languages import sentence

logger = logging.getLogger(__name__)
COOL_DOWN_SECONDS = 300.0
SMALLEST_BATCH = 8  # the networks are no faster with less, and what does not fit then will not fit
DEVICE_LOST = 70  # EX_SOFTWARE: the exit code of a process whose device is lost
ON_THE_CPU = torch.device(CPU)


class Reason(StrEnum):
    """Why a model computes on the CPU although an accelerator was asked for."""

    NOT_AVAILABLE = "not_available"
    CONCURRENCY = "concurrency"
    FORKED = "forked"
    TAKEN = "taken"
    SELF_TEST = "self_test_failed"
    OUT_OF_MEMORY = "out_of_memory"
    COOLING_DOWN = "cooling_down"


def fallback_warning(reason: Reason, device: str) -> dict[str, Any]:
    """What a client is told: the result holds, and took longer."""
    said = {
        Reason.NOT_AVAILABLE: sentence(
            "Computed on the CPU: this worker's machine has no accelerator of this kind (%(device)s).", device=device
        ),
        Reason.CONCURRENCY: sentence(
            "Computed on the CPU: a worker that runs several jobs at a time uses no accelerator (%(device)s).", device=device
        ),
        Reason.FORKED: sentence(
            "Computed on the CPU: the accelerator (%(device)s) does not work in a process that was forked.", device=device
        ),
        Reason.TAKEN: sentence("Computed on the CPU: another worker has the accelerator (%(device)s).", device=device),
        Reason.SELF_TEST: sentence("Computed on the CPU: the accelerator (%(device)s) does not compute as the CPU does.", device=device),
        Reason.OUT_OF_MEMORY: sentence("Computed on the CPU: the accelerator (%(device)s) ran out of memory.", device=device),
        Reason.COOLING_DOWN: sentence(
            "Computed on the CPU: the accelerator (%(device)s) ran out of memory a short while ago.", device=device
        ),
    }
    return warning("fallback", said[reason])


@dataclass(frozen=True)
class Choice:
    """`accelerator` None is the CPU: for `reason`, if anything else was asked for; `detail` is for logs. `resident_bytes` is what the
    device's libraries hold of this process's own memory."""

    asked: str = CPU
    accelerator: Accelerator | None = None
    reason: Reason | None = None
    detail: str = ""
    resident_bytes: int = 0

    @property
    def device(self) -> torch.device:
        return self.accelerator.device if self.accelerator else ON_THE_CPU

    @property
    def remark(self) -> str:
        """What an operator should know of it."""
        if self.accelerator:
            return f"on {self.accelerator.identity}"
        return f"on the CPU, asked for {self.asked}: {self.reason}{self.detail and f' ({self.detail})'}" if self.reason else ""


def choose(
    asked: Asked, present: Sequence[Accelerator], take: Callable[[Accelerator], bool], distrust: Callable[[Accelerator], str]
) -> Choice:
    """The first of those present that can be taken and is to be trusted. `take` says whether one is ours from now on; `distrust` why it
    is not to be used, "" if it is."""
    if asked.device == CPU:
        return Choice()
    if asked.device == MPS and asked.forked:  # Metal after a fork crashes, or hangs
        return Choice(asked.device, reason=Reason.FORKED, detail="it needs --pool=solo")
    if asked.concurrency != 1:
        return Choice(asked.device, reason=Reason.CONCURRENCY, detail=f"it runs {asked.concurrency} jobs at a time")
    said = ""
    for accelerator in filter(take, present):
        if not (fault := distrust(accelerator)):
            return Choice(asked.device, accelerator)
        said = f"{accelerator.identity}: {fault}"
    reason = Reason.SELF_TEST if said else Reason.TAKEN if present else Reason.NOT_AVAILABLE
    return Choice(asked.device, reason=reason, detail=said)


def present(name: str) -> list[Accelerator]:
    """Those that can be asked. A driver that fails is none: the CPU is there."""
    try:
        return PRESENT[name]() if name in PRESENT else []
    except RuntimeError:
        logger.warning("accelerators cannot be asked", exc_info=True)
        return []


def resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


@cache
def choice_of_this_process() -> Choice:
    """Made once: what is taken stays ours until this process ends."""
    asked = devices.asked()
    before = resident_bytes()
    leases: dict[str, Lease] = {}

    def take(accelerator: Accelerator) -> bool:
        leases[accelerator.identity] = Lease(accelerator.identity)
        return leases[accelerator.identity].take()

    def distrust(accelerator: Accelerator) -> str:
        compute_in_full()
        if fault := disagreement(accelerator.device):
            leases[accelerator.identity].release()
        return fault

    choice = choose(asked, present(asked.device), take, distrust)
    choice = replace(choice, resident_bytes=max(resident_bytes() - before, 0) if asked.device != CPU else 0)
    if choice.remark:
        logger.log(logging.WARNING if choice.reason else logging.INFO, "device", extra={"remark": choice.remark})
    return choice


class Placed(Protocol):
    """A model on one device, that works through its input in batches."""

    batch_size: int


T = TypeVar("T", bound=Placed)
R = TypeVar("R")


@dataclass(frozen=True)
class Done(Generic[R]):
    value: R


class Placement(Generic[T]):
    """A model on this worker's device, and on the CPU while the accelerator has too little memory.

    `build(device)` makes one there from its weights: a device that has failed is not copied from. One exists at a time, from the first
    run on. `device` and `fallback` are of the last run.
    """

    def __init__(
        self, build: Callable[[torch.device], T], choice: Choice | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.build, self.clock = build, clock
        self.choice = choice or choice_of_this_process()
        self.on = self.choice.accelerator
        self.model: T | None = None
        self.whole_batch = 0
        self.careful_until = 0.0
        self.careful = False
        self.tries: list[dict[str, Any]] = []

    @property
    def device(self) -> str:
        """`cpu`, `cuda` or `mps`."""
        return self.on.name if self.on else CPU

    @property
    def fallback(self) -> dict[str, Any] | None:
        """Why the CPU did what an accelerator was asked for, with the attempts that ran out of memory before; None where it was not."""
        if self.on or self.choice.asked == CPU:
            return None
        reason = self.choice.reason or (Reason.OUT_OF_MEMORY if self.tries else Reason.COOLING_DOWN)
        return {"from": self.choice.asked, "to": CPU, "reason": str(reason), "tries": list(self.tries)}

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What a client is told of `fallback`."""
        told = self.fallback
        return [fallback_warning(Reason(told["reason"]), told["from"])] if told else []

    def run(self, work: Callable[[T], R]) -> R:
        """What `work` makes of the model. Where the accelerator runs out of memory it is called again: with half the batch, down to
        SMALLEST_BATCH, then on the CPU; for COOL_DOWN_SECONDS it stays at that.

        What else rises, and want of memory on the CPU, rises from here. Does not return if the device is lost: the process ends, which
        costs the job one attempt, and another begins.
        """
        self.tries = []
        self.take_heart()
        try:
            while not (done := self.attempt(work)):
                self.clean()
                self.give_way()
            return done.value
        finally:
            self.clean()

    def attempt(self, work: Callable[[T], R]) -> Done[R] | None:
        """None if it ran out of memory. An exception keeps all tensors of its attempt alive: there is none any more when this is left."""
        try:
            return Done(work(self.placed()))
        except (RuntimeError, MemoryError) as error:
            if self.on is None:
                raise
            if lost_its_device(error):
                end_process(self.on, error)
            if not ran_out_of_memory(error):
                raise
            self.tries.append({"device": self.device, "batch_size": self.batch_size, "error": type(error).__name__})
            logger.warning("out of memory", extra={"device": self.on.identity, "batch_size": self.batch_size, "reason": str(error)[:200]})
        return None

    def placed(self) -> T:
        if self.model is None:
            self.model = self.build(self.on.device if self.on else ON_THE_CPU)
            self.whole_batch = self.model.batch_size
            if self.choice.accelerator:
                gc.collect()
                gc.freeze()  # or each job's collection looks through all that was loaded: 0.15 s for garments, 0.36 s for recordings
        return self.model

    @property
    def batch_size(self) -> int | None:
        return self.model.batch_size if self.model else None

    def give_way(self) -> None:
        self.careful, self.careful_until = True, self.clock() + COOL_DOWN_SECONDS
        if self.model is not None and self.model.batch_size // 2 >= SMALLEST_BATCH:
            self.model.batch_size //= 2
            return
        self.move(None)

    def take_heart(self) -> None:
        """Back to the accelerator and its whole batch, once it had its time."""
        if not self.careful or self.clock() < self.careful_until:
            return
        self.careful = False
        if self.on is not self.choice.accelerator:
            self.move(self.choice.accelerator)
        elif self.model is not None:
            self.model.batch_size = self.whole_batch

    def move(self, accelerator: Accelerator | None) -> None:
        self.model, self.on = None, accelerator
        gc.unfreeze()
        self.clean()

    def clean(self) -> None:
        """The accelerator's memory belongs to others between two jobs. Nothing where there is none: of those that are not there, some
        caches raise when they are emptied."""
        if not (accelerator := self.choice.accelerator):
            return
        gc.collect()
        try:
            accelerator.empty_cache()
        except RuntimeError as error:  # kernels run on their own: this may be the first to hear of what they did
            if lost_its_device(error):
                end_process(accelerator, error)
            raise


def end_process(accelerator: Accelerator, error: BaseException) -> None:
    """At once: whatever still asks the device would fail, its finalisers too."""
    logger.critical("device lost, this process ends", extra={"device": accelerator.identity, "reason": str(error)[:200]})
    os._exit(DEVICE_LOST)
