"""The project's settings with a fourth kind: one line each in settings and urls."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if "FITSIZE_DATA" not in os.environ:
    os.environ["FITSIZE_DATA"] = tempfile.mkdtemp(prefix="fitsize-tests-")
    atexit.register(shutil.rmtree, os.environ["FITSIZE_DATA"], ignore_errors=True)
os.environ.setdefault("BROKER_URL", "memory://")

from fitsize.settings import *  # noqa: F403

INFERENCE_KINDS = [*INFERENCE_KINDS, "tests.fakes.kind.KIND"]  # noqa: F405
ROOT_URLCONF = "tests.urls"
ALLOWED_HOSTS = ["*"]
BCRYPT_ROUNDS = 4
SILENCED_SYSTEM_CHECKS = ["fitsize.E001"]  # few rounds of bcrypt
if "TEST_CLOCK" in os.environ:
    from tests import clock

    clock.install(Path(os.environ["TEST_CLOCK"]))
