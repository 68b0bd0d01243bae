"""The project's settings with a fake kind alone, whose workers find an accelerator that is the CPU under another name."""

from __future__ import annotations

from tests.settings import *  # noqa: F403

INFERENCE_KINDS = ["tests.accelerated.KIND"]
