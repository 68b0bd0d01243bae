"""Which device a process is to compute on. Whoever starts it says so; no model package is imported for that."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

CPU, CUDA, MPS = "cpu", "cuda", "mps"
DEVICES = (CPU, CUDA, MPS)


@dataclass(frozen=True)
class Asked:
    """`concurrency` is how many jobs the worker runs at a time; `forked`: the models are held by a process that Celery forked."""

    device: str = CPU
    concurrency: int = 1
    forked: bool = False


told: Asked | None = None


def tell(asked: Asked) -> None:
    """In a worker's child, before its model is loaded."""
    global told
    told = asked


def asked() -> Asked:
    """What this process was told; commands and tests, which nobody told, follow the setting."""
    return told or Asked(settings.DEVICE)
