"""FitSize and its peers, each with the same dummy model in as many model processes, alone on the machine while it runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import httpx
import psutil

from benchmarks.client import Load
from benchmarks.engine import FOLDER, WORKERS, running_stack
from benchmarks.processes import family, groups
from benchmarks.serving.dummy import READY_FOLDER
from benchmarks.serving.packages import PYTHON
from benchmarks.serving.work import Work
from benchmarks.truth import truth
from fitsize.broker import free_port
from fitsize.programs import Program
from tests.stack import ROOT, Stack, eventually

STARTING_SECONDS = 120.0
LITSERVE = "benchmarks.serving.litserve_server"
BENTOML = "benchmarks.serving.bentoml_server:Dummy"
TITLES = {"fitsize": "FitSize", "litserve": "LitServe", "litserve-restart": "LitServe, restarting", "bentoml": "BentoML"}


class Server(Protocol):
    def load(self, work: Work) -> Load: ...

    def groups(self) -> dict[str, list[int]]:
        """The pids of all its living processes by what they do; `child` are those that hold the model."""

    def account(self) -> dict[str, Any]:
        """What it knows itself of the jobs it had."""


def command(name: str, port: int) -> list[str]:
    """Neither writes a log of requests."""
    if name == "bentoml":
        return [str(PYTHON), "-m", "bentoml", "serve", BENTOML, "--host", "127.0.0.1", "--port", str(port), "--quiet"]
    restart = ["--restart"] if name == "litserve-restart" else []
    return [str(PYTHON), "-m", LITSERVE, "--port", str(port), "--workers", str(len(WORKERS)), *restart]


class Peer:
    """LitServe or BentoML, whose log and files lie in `folder`."""

    def __init__(self, name: str, folder: Path) -> None:
        self.port = free_port()
        self.loaded = folder / "loaded"
        self.loaded.mkdir()
        self.started: Sequence[psutil.Process] = ()
        environment = {
            "PYTHONPATH": str(ROOT),
            READY_FOLDER: str(self.loaded),
            "SERVING_WORKERS": str(len(WORKERS)),
            "BENTOML_HOME": str(folder),
            "BENTOML_DO_NOT_TRACK": "True",
        }
        self.program = Program(name, command(name, self.port), log=folder / f"{name}.log", folder=ROOT, environment=environment)

    def __enter__(self) -> Peer:
        """Returns when each model process has its model, and a job has been answered."""
        self.program.start()
        try:
            eventually(self.ready, STARTING_SECONDS, pause=0.2)
        except BaseException:
            self.stop()
            raise
        self.started = self.family()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Also what a server that died has left running."""
        for process in {*self.started, *self.family()}:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        assert self.program.process is not None
        self.program.process.wait()

    def family(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return [psutil.Process(pid) for pid in family(self.pid)]
        return []

    @property
    def pid(self) -> int:
        assert self.program.process is not None
        return self.program.process.pid

    def ready(self) -> bool:
        assert self.program.running, self.log()[-2000:]
        if len(self.models()) < len(WORKERS):
            return False
        with suppress(httpx.TransportError):
            address = f"http://127.0.0.1:{self.port}/predict"
            return httpx.post(address, json={"file": "", "milliseconds": 0}, timeout=60, trust_env=False).is_success
        return False

    def models(self) -> set[int]:
        return {int(path.name) for path in self.loaded.iterdir()}

    def log(self) -> str:
        assert self.program.log is not None
        return self.program.log.read_text()

    def load(self, work: Work) -> Load:
        return work.load(self.port, "/predict", "/predict")

    def groups(self) -> dict[str, list[int]]:
        models, pids = self.models(), [process.pid for process in self.family()]
        return {"web": [pid for pid in pids if pid not in models], "child": [pid for pid in pids if pid in models]}

    def account(self) -> dict[str, Any]:
        return {"ended": not self.program.running, "models_started": len(self.models()), "log": self.log()[-1000:]}


class FitSize:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def load(self, work: Work) -> Load:
        port = int(self.stack.bind.rpartition(":")[2])
        return work.load(port, "/api/v1/fakes/burn", "/api/v1/fakes/die", self.stack.key)

    def groups(self) -> dict[str, list[int]]:
        return groups(self.stack)

    def account(self) -> dict[str, Any]:
        return {"truth": truth(self.stack)}


@contextmanager
def running(name: str) -> Iterator[Server]:
    """Started anew, and ready."""
    if name == "fitsize":
        with running_stack() as stack:
            yield FitSize(stack)
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=FOLDER, prefix="peer-") as folder, Peer(name, Path(folder)) as peer:
        yield peer
