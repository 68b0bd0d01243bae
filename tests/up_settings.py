"""The project's settings with the fake kind alone, for `manage.py up` in tests: nothing else has to load."""

from __future__ import annotations

from fitsize.settings import *  # noqa: F403

INFERENCE_KINDS = ["tests.fakes.kind.KIND"]
ROOT_URLCONF = "tests.urls"
