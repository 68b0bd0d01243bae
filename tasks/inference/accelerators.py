"""The accelerators of this machine, and what their errors mean."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch

from tasks.devices import CUDA, MPS

OUT_OF_MEMORY = re.compile(r"out of memory|CUBLAS_STATUS_ALLOC_FAILED|can't allocate memory", re.IGNORECASE)
"""Of RuntimeErrors: MPS and cuBLAS have no class of their own for it, nor has the allocator of the CPU."""
LOST = re.compile(
    r"device-side assert|illegal memory access|illegal instruction|illegal address|misaligned address|invalid program counter"
    r"|unspecified launch failure|launch timed out|hardware stack error|uncorrectable ECC error|device (?:is |was )?lost|GPU is lost"
    r"|context is destroyed|CUDA error: unknown error|command buffer exited with error",
    re.IGNORECASE,
)
"""cudaError_t: "the process must be terminated and relaunched" (CUDA Runtime API, Data types); Metal's command buffers likewise."""


@dataclass(frozen=True)
class Accelerator:
    """`name` is what results call it, `identity` tells it from the machine's others: a lease is on that."""

    name: str
    device: torch.device
    identity: str
    empty_cache: Callable[[], None]


def cuda() -> list[Accelerator]:
    """Each that CUDA_VISIBLE_DEVICES leaves. Asking initialises CUDA, which no process that still forks may do."""
    return [graphics_card(number) for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []


def graphics_card(number: int) -> Accelerator:
    """It is known by its UUID: two processes that see different cards call both of them cuda:0."""
    device = torch.device(CUDA, number)

    def empty_cache() -> None:
        with torch.cuda.device(device):
            torch.cuda.empty_cache()

    return Accelerator(CUDA, device, f"{CUDA}-{torch.cuda.get_device_properties(device).uuid}", empty_cache)


def mps() -> list[Accelerator]:
    return [Accelerator(MPS, torch.device(MPS), MPS, torch.mps.empty_cache)] if torch.backends.mps.is_available() else []


PRESENT: dict[str, Callable[[], list[Accelerator]]] = {CUDA: cuda, MPS: mps}


def compute_in_full() -> None:
    """TF32 keeps 10 bits of a product, and is on by default where cuDNN convolves or recurs: results would not be the CPU's."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def ran_out_of_memory(error: BaseException) -> bool:
    """torch.OutOfMemoryError (CUDA); MemoryError (numpy, and pyannote, which makes one of CUDA's); RuntimeErrors by their text (MPS)."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and bool(OUT_OF_MEMORY.search(str(error)))


def lost_its_device(error: BaseException) -> bool:
    """Whether every later call on the device would fail too, until another process begins."""
    return isinstance(error, RuntimeError) and bool(LOST.search(str(error)))
