"""A model on its device: on the CPU while an accelerator has too little memory, and in no process whose device is lost."""

from __future__ import annotations

import gc
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch

from tasks.devices import CPU
from tasks.inference.accelerators import Accelerator, lost_its_device, ran_out_of_memory
from tasks.inference.choice import ON_THE_CPU, Choice, Reason, choice_of_this_process, fallback_warning

logger = logging.getLogger(__name__)
COOL_DOWN_SECONDS = 300.0
SMALLEST_BATCH = 8  # the networks are no faster with less, and what does not fit then will not fit
DEVICE_LOST = 70  # EX_SOFTWARE: the exit code of a process whose device is lost


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
