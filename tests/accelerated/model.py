"""A model with a network, on an accelerator that is the CPU under another name."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import torch

from tasks.inference.accelerators import PRESENT, Accelerator
from tasks.inference.devices import Placement
from tasks.inference.model import Run
from tests.fakes.inference.model import FakeModel


class Doubles:
    def __init__(self, device: torch.device) -> None:
        self.device, self.batch_size = device, 32


def stand_in(name: str) -> list[Accelerator]:
    return [Accelerator(name, torch.device("cpu"), f"{name}-stand-in", lambda: None)]


class AcceleratedModel(FakeModel):
    def load(self) -> None:
        for name in PRESENT:
            PRESENT[name] = partial(stand_in, name)
        self.placement = Placement(Doubles)
        self.remark, self.device_bytes = self.placement.choice.remark, self.placement.choice.resident_bytes

    def place(self, run: Run, fault: str = "", marker: str = "", **arguments: Any) -> dict[str, Any]:
        """Computes. The fault: `memory`, of which the accelerator has none; `lost`, which its first attempt meets."""

        def work(network: Doubles) -> list[float]:
            if fault == "memory" and self.placement.on:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            if fault == "lost" and self.is_first(marker):
                raise RuntimeError("CUDA error: device-side assert triggered")
            doubled: list[float] = (torch.arange(3.0, device=network.device) * 2).tolist()
            return doubled

        values = self.placement.run(work)
        found = {"values": values, "device": self.placement.device, "fallback": self.placement.fallback, "pid": os.getpid()}
        return found | {"warnings": self.placement.warnings}

    def is_first(self, marker: str) -> bool:
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True
