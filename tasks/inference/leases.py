"""One process of this machine at a time has an accelerator."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

from django.conf import settings


class Lease:
    """A lock on a file of its own for each accelerator. The kernel frees it when its holder dies, however that happens."""

    def __init__(self, identity: str) -> None:
        self.path = Path(settings.RUN_FOLDER) / f"accelerator-{re.sub(r'[^0-9A-Za-z-]', '-', identity)}.lock"
        self.file: int | None = None

    def take(self) -> bool:
        """Whether it is ours now."""
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self.file = file
        return True

    def release(self) -> None:
        if self.file is not None:
            os.close(self.file)
            self.file = None
