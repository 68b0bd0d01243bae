"""The project's settings with the real kinds, whose models are replaced by one that answers with its operation's example."""

from __future__ import annotations

from fitsize.settings import *  # noqa: F403
from fitsize.settings import INFERENCE_KINDS as REAL

INFERENCE_KINDS = [f"benchmarks.fuzz.kinds.{path.partition('.')[0].upper()}" for path in REAL]
