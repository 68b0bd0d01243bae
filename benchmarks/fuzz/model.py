"""A model for any kind: it reads its input, saves a file, and answers with its operation's example of a result, or refuses."""

from __future__ import annotations

import io
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

    def answer(self, kind: str, operation: str, run: Run, **arguments: Any) -> dict[str, Any]:
        size = sum(len(value.read()) for value in arguments.values() if hasattr(value, "read"))
        run.progress(0.5, "reading")
        if size % 3 == 1:
            raise InvalidInput(Code.TRUNCATED_IMAGE)
        run.save("note.txt", io.BytesIO(b"x" * (size % 1000)))
        serializer: Any = result_serializer(kind, operation)
        return {**serializer.example, "warnings": [{"code": "example", "detail": "Nothing was measured."}]}

    def validate(self, run: Run, **arguments: Any) -> dict[str, Any]:
        return self.answer("faces", "validate", run, **arguments)

    def verify(self, run: Run, **arguments: Any) -> dict[str, Any]:
        return self.answer("faces", "verify", run, **arguments)

    def challenge(self, run: Run, **arguments: Any) -> dict[str, Any]:
        return self.answer("faces", "challenge", run, **arguments)

    def enrol(self, run: Run, **arguments: Any) -> dict[str, Any]:
        return self.answer("faces", "enrol", run, **arguments)

    def bulk_enrol(self, run: Run, **arguments: Any) -> dict[str, Any]:
        return self.answer("faces", "bulk_enrol", run, **arguments)

    def identify(self, run: Run, **arguments: Any) -> dict[str, Any]:
        return self.answer("faces", "identify", run, **arguments)

    def recluster(self, run: Run, **arguments: Any) -> dict[str, Any]:
        return self.answer("diarization", "recluster", run, **arguments)

    def predict(self, run: Run, **arguments: Any) -> dict[str, Any]:
        run.save("heard", io.BytesIO(b"voices"), private=True, sealed=True)
        return self.answer("diarization" if "audio" in arguments else "keypoints", "predict", run, **arguments)
