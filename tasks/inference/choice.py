"""Which device this process computes on (DESIGN.md, "Devices"): what was asked for, what is there, who has it, and whether it is right."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any

import psutil
import torch

from tasks import devices
from tasks.devices import CPU, MPS, Asked
from tasks.errors import warning
from tasks.inference.accelerators import PRESENT, Accelerator, compute_in_full
from tasks.inference.leases import Lease
from tasks.inference.self_test import disagreement
from tasks.languages import sentence

logger = logging.getLogger(__name__)
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
