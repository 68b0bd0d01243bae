"""What a model is to the engine, and its only link to the world while it runs."""

from __future__ import annotations

from typing import IO, ClassVar


class Run:
    """One execution of a model.

    This base keeps what it is told in memory: built-in samples, evaluation and tests use it; workers use `tasks.runs.JobRun`.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.steps: list[tuple[float, str]] = []

    def progress(self, fraction: float, step: str = "") -> None:
        """Say how far the work is, 0..1, and the name of the step that begins now."""
        self.steps.append((fraction, step))

    def check_canceled(self) -> None:
        """Raise `Canceled` if nobody wants the result any more; call it between steps of long work."""

    def save(self, name: str, file: IO[bytes]) -> None:
        """Keep a file beside the result, under a plain name such as `overlay.jpg`; raises `Canceled` if the job is no longer ours."""
        self.files[name] = file.read()


class InferenceModel:
    """A model that a worker's child holds: `load()` once, then one public method per operation.

    A method takes `run: Run` and plain keyword arguments (parameters as values, inputs as open binary files, named by their role) and
    returns a dict of JSON-ready values. A list under the key `warnings` of `{"code", "detail"}` becomes the job's warnings. It raises
    `tasks.errors.InvalidInput` for an input that can never work; anything else that rises is our fault.
    """

    version: ClassVar[str]

    def load(self) -> None:
        """Load weights and do a first small prediction, so that the first job finds everything warm."""
        raise NotImplementedError
