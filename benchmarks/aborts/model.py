"""The face model, in a process that aborts with each so-many-th job: when all is computed and nothing is told yet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings

from benchmarks.aborts import COUNT, EVERY
from faces.inference.model import FaceModel
from tasks.inference.model import Run


class AbortingModel(FaceModel):
    def validate(self, run: Run, *files: Any, **given: Any) -> dict[str, Any]:
        return self.told(run, super().validate(run, *files, **given))

    def verify(self, run: Run, *files: Any, **given: Any) -> dict[str, Any]:
        return self.told(run, super().verify(run, *files, **given))

    def told(self, run: Run, result: dict[str, Any]) -> dict[str, Any]:
        """The result, unless this job is the one. A sample's `run` is the bare class."""
        if type(run) is not Run and self.count() % int(os.environ[EVERY]) == 0:
            os.abort()
        return result

    def count(self) -> int:
        with (Path(settings.DATA) / COUNT).open("ab") as file:
            file.write(b".")
            file.flush()
            return file.tell()
