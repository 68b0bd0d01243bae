"""The pipeline that an installation is set to, loaded (`DIARIZATION_PIPELINE`).

Checkpoints of pyannote are pickles, which may run any code when they are loaded: where they lie is the operator's configuration, and comes
from no request.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile

import torch
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from huggingface_hub import constants
from huggingface_hub.errors import RepositoryNotFoundError
from pyannote.audio import Pipeline
from pyannote.audio.utils.dependencies import MissingDependency, WrongDependencyVersion
from yaml import YAMLError

from diarization.configured import OFFLINE, Configured, configured
from diarization.inference.diarizer import Diarizer
from diarization.inference.hub import PyannoteDiarizer, unsupported
from diarization.inference.pipeline import offline
from tasks.errors import warning
from tasks.inference.choice import ON_THE_CPU

logger = logging.getLogger(__name__)
POINTER = b"version https://git-lfs"
# what loading a folder or file raises that is not what it should be
MALFORMED: tuple[type[Exception], ...] = (AttributeError, ImportError, LookupError, RuntimeError, TypeError, ValueError)
MALFORMED += (BadZipFile, EOFError, MissingDependency, UnpicklingError, WrongDependencyVersion, YAMLError)


class Reason(StrEnum):
    """Why a pipeline cannot be loaded, as results say it."""

    NO_WEIGHTS = "no_weights"
    NO_ACCESS = "no_access"
    NOT_A_PIPELINE = "not_a_pipeline"


class Unusable(Exception):
    """The pipeline that was asked for cannot be loaded. The message is the operator's: it says what to do, and may name paths."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Chosen:
    """`reason` says why it is not the pipeline that the installation is set to."""

    diarizer: Diarizer
    reason: Reason | None = None

    @property
    def fallback(self) -> dict[str, Any] | None:
        """As results have it."""
        return {"from": PyannoteDiarizer.name, "to": self.diarizer.name, "reason": str(self.reason), "tries": []} if self.reason else None

    @property
    def warnings(self) -> list[dict[str, Any]]:
        if not self.reason:
            return []
        return [warning("fallback", "The pipeline that this installation is set to could not be loaded; another one has answered.")]


def chosen(device: torch.device = ON_THE_CPU) -> Chosen:
    """The pipeline of the settings, on `device`, or the offline one in its place where they allow that.

    Raises ImproperlyConfigured, which says what to do, if it cannot be loaded.
    """
    asked = configured(settings.DIARIZATION_PIPELINE)
    if not asked.pyannote:
        return Chosen(offline(device))
    try:
        return Chosen(PyannoteDiarizer(load(asked), version=asked.version, device=device))
    except Unusable as error:
        if not settings.DIARIZATION_FALLBACK:
            raise ImproperlyConfigured(f"DIARIZATION_PIPELINE: {error}") from error
        logger.error("pipeline cannot be loaded", extra={"answers": OFFLINE, "reason": str(error)})
        return Chosen(offline(device), error.reason)


def load(asked: Configured) -> Any:
    """A `pyannote.audio.pipelines.SpeakerDiarization` that `PyannoteDiarizer` can run. Raises Unusable."""
    pipeline = from_directory(Path(asked.directory)) if asked.directory else from_hub(asked.hub_id, asked.revision)
    if fault := unsupported(pipeline):
        raise Unusable(Reason.NOT_A_PIPELINE, f"{asked.directory or asked.hub_id} cannot be used: {fault}")
    return pipeline


def from_directory(directory: Path) -> Any:
    """Reads nothing but the directory: nothing is asked of the hub."""
    if not directory.is_dir():
        raise Unusable(Reason.NO_WEIGHTS, f"there is no directory {directory}; clone a pipeline to there (docs/diarization.md, Pipelines)")
    if not (directory / "config.yaml").is_file():
        raise Unusable(Reason.NOT_A_PIPELINE, f"{directory} is no pipeline of pyannote.audio: it holds no config.yaml")
    if pointers := [path for path in sorted(directory.rglob("*")) if is_pointer(path)]:
        raise Unusable(Reason.NO_WEIGHTS, f"{pointers[0]} is only git-lfs's pointer to the file: run `git lfs pull` in the directory")
    try:
        with hub_offline():
            return Pipeline.from_pretrained(directory)
    except OSError as error:
        said = f"a file of {directory} is missing or damaged, or config.yaml names weights that are not in it: {error}"
        raise Unusable(Reason.NO_WEIGHTS, f"{said}; there, $model/<folder> names a part of the directory") from error
    except MALFORMED as error:
        raise Unusable(Reason.NOT_A_PIPELINE, f"{directory} cannot be loaded: {type(error).__name__}: {error}") from error


def from_hub(hub_id: str, revision: str) -> Any:
    """Weights are kept in the data folder, and come from there while the hub cannot be reached."""
    access: dict[str, Any] = {"token": settings.DIARIZATION_TOKEN or None, "cache_dir": settings.DATA / "hub"}
    try:
        with redirect_stdout(StringIO()):  # it prints advice for programmers
            return Pipeline.from_pretrained(hub_id, revision=revision or None, **access)
    except RepositoryNotFoundError as error:
        said = f"the hub does not give us {hub_id}, or a part of it: accept its conditions at https://hf.co/{hub_id}"
        raise Unusable(Reason.NO_ACCESS, f"{said}, and set DIARIZATION_TOKEN to a token of the same account") from error
    except OSError as error:
        said = f"the weights of {hub_id} are not here, and the hub does not answer: {error}"
        raise Unusable(Reason.NO_WEIGHTS, f"{said}; let this machine reach https://hf.co, or name the directory of a clone") from error
    except MALFORMED as error:
        raise Unusable(Reason.NOT_A_PIPELINE, f"{hub_id} cannot be loaded: {type(error).__name__}: {error}") from error


def is_pointer(path: Path) -> bool:
    if ".git" in path.parts or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(POINTER)) == POINTER


@contextmanager
def hub_offline() -> Iterator[None]:
    """What the environment's HF_HUB_OFFLINE does, which the package reads when it is imported."""
    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
