"""The baseline in processes of its own, for tests and benchmarks."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from benchmarks.blocking import READY
from fitsize.broker import free_port
from fitsize.programs import Program
from tests.stack import ROOT, eventually

KINDS = ("keypoints", "faces", "diarization")
TIMEOUT_SECONDS = 300  # of a sync worker's silence; gunicorn's own 30 s are less than loading takes on a busy machine
LOADING_SECONDS = 120.0


def command(
    port: int, kinds: Sequence[str] = KINDS, workers: int = 2, threads: int = 4, faces_at_once: int = 1, old_selfies: bool = False
) -> list[str]:
    """gunicorn with the baseline for these kinds."""
    application = f"benchmarks.blocking.app:create({list(kinds)!r}, faces_at_once={faces_at_once}, old_selfies={old_selfies})"
    manner = ["--worker-class", "gthread", "--threads", str(threads)] if threads > 1 else ["--worker-class", "sync"]
    bind = ["--bind", f"127.0.0.1:{port}", "--workers", str(workers), "--timeout", str(TIMEOUT_SECONDS)]
    return [sys.executable, "-m", "gunicorn", "--chdir", str(ROOT), "--no-control-socket", *bind, *manner, application]


class Baseline:
    """A running baseline, whose log and data lie in `folder`. What crashes there crashes a process of its own."""

    def __init__(
        self,
        folder: Path,
        kinds: Sequence[str] = KINDS,
        workers: int = 1,
        threads: int = 4,
        faces_at_once: int = 1,
        old_selfies: bool = False,
    ) -> None:
        self.port = free_port()
        self.workers = workers
        folder.mkdir(parents=True, exist_ok=True)
        environment = {"FITSIZE_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "fitsize.settings", "PYTHONPATH": str(ROOT)}
        started = command(self.port, kinds, workers, threads, faces_at_once, old_selfies)
        self.program = Program("baseline", started, log=folder / "baseline.log", environment=environment)

    def __enter__(self) -> Baseline:
        """Returns when each web process has loaded its models."""
        self.program.start()
        try:
            eventually(self.ready, LOADING_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=120, trust_env=False)
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.stop()

    def stop(self) -> None:
        process = self.program.process
        assert process is not None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def ready(self) -> bool:
        assert self.program.running, self.log()[-2000:]
        return self.log().count(READY) >= self.workers

    @property
    def pid(self) -> int:
        assert self.program.process is not None
        return self.program.process.pid

    @property
    def crashes(self) -> int:
        """Web processes that a signal has ended."""
        return len(re.findall("was sent SIG", self.log()))

    def log(self) -> str:
        assert self.program.log is not None
        return self.program.log.read_text()
