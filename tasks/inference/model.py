"""What a model is to the engine, and its only link to the world while it runs."""

from __future__ import annotations

import io
from typing import IO, ClassVar


class Run:
    """One execution of a model.

    This base keeps what it is told in memory: built-in samples, evaluation and tests use it; workers use `tasks.runs.JobRun`.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.steps: list[tuple[float, str]] = []
        self.kept: tuple[int, bytes] | None = None

    def progress(self, fraction: float, step: str = "") -> None:
        """Say how far the work is, 0..1, and the name of the step that begins now."""
        self.steps.append((fraction, step))

    def check_canceled(self) -> None:
        """Raise `Canceled` if nobody wants the result any more; call it between steps of long work."""

    def save(self, name: str, file: IO[bytes], *, private: bool = False, sealed: bool = False) -> None:
        """Keep a file beside the result, under a plain name such as `overlay.jpg`; a `private` one is for the kind's own code, and neither
        listed nor served. What is `sealed` cannot be read in a copy of the stored files; it is held in memory as a whole. Raises `Canceled`
        if the job is no longer ours."""
        self.files[name] = file.read()

    def checkpoint(self, step: int, file: IO[bytes]) -> None:
        """Keep where the work is, so that another attempt goes on from there; it replaces the one before. It is sealed.

        `step` grows with the work done. A job that reaches its deadline is run again if its attempt got further than the one before.
        Raises `Canceled` if the job is no longer ours.
        """
        self.kept = (step, file.read())

    def resume(self) -> tuple[int, IO[bytes]] | None:
        """The last checkpoint of an earlier attempt, opened (the caller closes it); None in a first one."""
        return (self.kept[0], io.BytesIO(self.kept[1])) if self.kept else None


class InferenceModel:
    """A model that a worker's child holds: `load()` once, then one public method per operation.

    A method takes `run: Run` and plain keyword arguments (parameters as values, inputs as open binary files, named by their role) and
    returns a dict of JSON-ready values. A list under the key `warnings` of `tasks.errors.warning()` becomes the job's warnings, anything
    under `effects` is handed to the kind's `on_success` and stored nowhere. It raises `tasks.errors.InvalidInput` for an input that can
    never work; anything else that rises is our fault.
    """

    version: ClassVar[str]

    def load(self) -> None:
        """Load weights and do a first small prediction, so that the first job finds everything warm."""
        raise NotImplementedError

    def sample(self) -> None:
        """Run the whole of the model on input of its own. A child whose predecessor died at work does this first: if it rises or dies
        here, the installation is broken, and no input is to blame."""
        raise NotImplementedError
