"""The project's settings with kinds whose models note when they begin and end; their workers write it down."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INFERENCE_KINDS as REAL

INFERENCE_KINDS = [f"benchmarks.dead_time.kinds.{path.split('.')[-3].upper()}" for path in REAL]
