"""Models that need no weights: one answers with its operation's example, one always fails."""

from __future__ import annotations

from typing import Any

from tasks.errors import Code, InvalidInput
from tasks.inference.model import InferenceModel, Run
from tasks.openapi.documents import result_serializer


class ExampleModel(InferenceModel):
    version = "example-1"

    def load(self) -> None:
        """There is nothing to load."""

    def sample(self) -> None:
        pass

    def predict(self, run: Run, **arguments: Any) -> dict[str, Any]:
        return example("diarization" if "audio" in arguments else "keypoints", "predict")

    def validate(self, run: Run, **arguments: Any) -> dict[str, Any]:
        return example("faces", "validate")

    def verify(self, run: Run, **arguments: Any) -> dict[str, Any]:
        """Nobody is in a JPEG."""
        if arguments["selfie"].read(2) == b"\xff\xd8":
            raise InvalidInput(Code.NO_FACE)
        return example("faces", "verify")

    def identify(self, run: Run, **arguments: Any) -> dict[str, Any]:
        return example("faces", "identify")


def example(kind: str, operation: str) -> dict[str, Any]:
    serializer: Any = result_serializer(kind, operation)
    result: dict[str, Any] = serializer.example
    return result


class BrokenModel(ExampleModel):
    def predict(self, run: Run, **arguments: Any) -> dict[str, Any]:
        raise RuntimeError("It always fails.")
