"""A supervised program: started in a session of its own, told to end when its supervisor dies, started again with back-off."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0  # after this long the next death counts as the first again
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass
class Program:
    """`log` is the file that receives its output; None leaves it on the terminal."""

    name: str
    command: list[str]
    log: Path | None = None
    folder: Path | None = None
    niceness: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = FIRST_PAUSE_SECONDS
    start_again_at: float = 0.0

    def start(self) -> None:
        """Call it from the supervisor's main thread only: a parent-death signal follows the thread that started the child."""
        supervisor = os.getpid()
        environment = {**os.environ, **self.environment}
        output = open(self.log, "ab") if self.log else None  # noqa: SIM115 (closed below)
        try:
            self.process = subprocess.Popen(  # noqa: S603
                self.command,
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which ends the others in order
                preexec_fn=lambda: prepare(supervisor, self.niceness),
            )
        finally:
            if output:
                output.close()
        self.started_at = time.monotonic()
        self.start_again_at = 0.0

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def note_death(self) -> float:
        """Plan the next start; the pause until then doubles with each death that follows soon after a start."""
        self.end_orphans()
        if time.monotonic() - self.started_at > STEADY_SECONDS:
            self.pause = FIRST_PAUSE_SECONDS
        pause, self.pause = self.pause, min(self.pause * 2, LONGEST_PAUSE_SECONDS)
        self.start_again_at = time.monotonic() + pause
        return pause

    def end_orphans(self) -> None:
        """What the dead one left running, such as a web worker that still holds the port."""
        if self.process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGTERM)

    @property
    def cause(self) -> str:
        code = self.process.returncode if self.process else 0
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def ask_to_end(self) -> None:
        if self.process and self.running:
            self.process.terminate()

    def end_by(self, moment: float) -> bool:
        """Wait for its end until then, kill it after that. True if it ended by itself."""
        if self.process is None:
            return True
        try:
            self.process.wait(max(0.0, moment - time.monotonic()))
            return True
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return False


def prepare(supervisor: int, niceness: int) -> None:
    """In the child, before its program: end when the supervisor dies, also if it died a moment ago."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != supervisor:
            os._exit(1)
    if niceness:
        os.nice(niceness)
