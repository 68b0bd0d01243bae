"""The dummy model of the peers: what FitSize's fake does (`tests/fakes`), in a virtual environment that has nothing of FitSize."""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path
from typing import Any

READY_FOLDER = "SERVING_READY"  # of the environment: each model process leaves an empty file there, named by its pid


def is_loaded() -> None:
    Path(os.environ[READY_FOLDER], str(os.getpid())).touch()


def burn(file: str, milliseconds: float, signal_name: str = "") -> dict[str, Any]:
    """So much CPU time, in this thread. A `signal_name` is poison: the process aborts. The answer has FitSize's words."""
    base64.b64decode(file)
    if signal_name:
        os.abort()
    end = time.thread_time() + milliseconds / 1000
    number = 1.0
    while time.thread_time() < end:
        for _ in range(2000):
            number = number * 1.0000001 + 1e-9
    return {"state": "succeeded", "result": {"burned": milliseconds}}
