"""What every diarization pipeline is to the model: it listens once, which takes long, and tells speakers apart from what it heard."""

from __future__ import annotations

import io
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from diarization.inference.windows import Sound

Report = Callable[[str, float], None]
"""`report(step, fraction)`: how far listening is, 0..1, in the step "speech", "voices" or "speakers"; it may raise `Canceled`."""


@dataclass(frozen=True)
class Asked:
    """What the caller knows of the number of speakers."""

    num_speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None


@dataclass(frozen=True)
class Turn:
    """Seconds from the beginning; `speaker` counts from 0 in the order of first turns; `confidence` 0..1, None where it is not known."""

    start: float
    end: float
    speaker: int
    confidence: float | None = None


@dataclass(frozen=True)
class Found:
    """`turns` may overlap where people talk at once, `exclusive` ones never do. Both are sorted by start."""

    turns: list[Turn]
    exclusive: list[Turn]


@dataclass(frozen=True)
class Heard:
    """All that telling speakers apart needs of a recording: voices as vectors, which are biometric. Kept sealed, as a file of the job.

    `pipeline` and `version` name what made it; `seconds` is the recording's length; `facts` are JSON values that go with it.
    """

    pipeline: str
    version: str
    seconds: float
    arrays: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def dump(self) -> bytes:
        head = {"pipeline": self.pipeline, "version": self.version, "seconds": self.seconds, "facts": dict(self.facts)}
        named: dict[str, Any] = {f"_{name}": value for name, value in self.arrays.items()}
        file = io.BytesIO()
        np.savez(file, head=np.frombuffer(json.dumps(head).encode(), np.uint8), **named)
        return file.getvalue()

    @classmethod
    def load(cls, file: IO[bytes]) -> Heard:
        with np.load(file, allow_pickle=False) as stored:
            head = json.loads(stored["head"].tobytes())
            return cls(**head, arrays={name[1:]: stored[name] for name in stored.files if name.startswith("_")})


class Kept(Protocol):
    """The checkpoint of a job: what was heard up to the end of a block."""

    def resume(self) -> tuple[int, Heard] | None:
        """The number of finished blocks and what was heard in them; None at the beginning."""

    def keep(self, blocks: int, heard: Heard) -> None: ...


class Diarizer(ABC):
    """One pipeline on one device. `batch_size` is how many windows (offline) or chunks (pyannote) the network takes at once; the device
    policy lowers it when memory runs out."""

    name: str
    version: str
    batch_size: int

    @abstractmethod
    def listen(self, blocks: Iterator[Sound], report: Report, kept: Kept) -> Heard:
        """Everything before clustering. `blocks` are the recording's consecutive stretches, 16 kHz mono float32; each
        is overwritten by the next one."""

    @abstractmethod
    def speakers(self, heard: Heard, asked: Asked) -> Found:
        """Clusters what was heard: seconds of work, without the sound."""
