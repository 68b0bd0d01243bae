"""A whole FitSize in processes of its own: broker, web, workers, housekeeping. For tests of real faults, and for benchmarks."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from fitsize.broker import EmbeddedBroker, embedded_broker, free_port
from fitsize.programs import Program
from fitsize.supervisor import worker_command

ROOT = Path(__file__).resolve().parent.parent


def eventually(condition: Callable[[], Any], seconds: float = 60.0, pause: float = 0.05) -> Any:
    """The condition's first true value; AssertionError if there is none in time."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(pause)
    return value


class Stack:
    def __init__(
        self, folder: Path, database_url: str = "", workers: tuple[str, ...] = ("fakes",), settings: str = "tests.settings"
    ) -> None:
        self.folder = folder
        self.workers = workers
        self.bind = f"127.0.0.1:{free_port()}"
        self.broker: EmbeddedBroker = embedded_broker(folder)
        self.programs: dict[str, Program] = {}
        self.environment = {
            "FITSIZE_DATA": str(folder),
            "BROKER_URL": self.broker.url,
            "BIND": self.bind,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "MALLOC_ARENA_MAX": "2",
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url,  # none is a SQLite in the folder, whatever this process was told
        }
        self.key = ""

    def __enter__(self) -> Stack:
        try:
            self.start("broker", self.broker.command)
            eventually(self.broker.answers, 15)
            self.manage("migrate", "-v0")
            self.key = self.manage("apikey", "create").strip()
            for name in self.workers:
                self.start_worker(name)
            self.start("web", [sys.executable, "-m", "gunicorn", "-c", "python:fitsize.gunicorn", "fitsize.asgi"])
            self.start("housekeeping", [sys.executable, "manage.py", "housekeeping"])
            self.http = httpx.Client(base_url=f"http://{self.bind}", headers=self.headers, timeout=60, trust_env=False)
            eventually(self.ready)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.stop()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def ready(self) -> bool:
        dead = [name for name, program in self.programs.items() if not program.running]
        assert not dead, f"{dead} ended: {self.log(dead[0])[-2000:]}"
        try:
            answer = self.http.get("/readyz")
        except httpx.TransportError:
            return False
        assert answer.status_code == 200, self.log("web")[-2000:]
        states = answer.json()["kinds"]
        return all(states[name.partition("-")[0]] in ("ready", "busy") for name in self.workers)

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **self.environment}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, name: str, command: list[str], niceness: int = 0) -> Program:
        program = Program(name, command, log=self.folder / f"{name}.log", niceness=niceness, environment=self.environment)
        self.programs[name] = program
        program.start()
        return program

    def start_worker(self, name: str) -> Program:
        """A worker of the kind that its name begins with: `fakes`, `fakes-2`."""
        command = worker_command(name.partition("-")[0])
        command[command.index("-n") + 1] = f"{name}@%h"
        return self.start(name, command, niceness=10)

    def stop(self) -> None:
        for program in reversed(self.programs.values()):
            if program.process and program.running:
                kill_tree(program.process.pid)
                program.process.wait()

    def mend(self) -> None:
        """What a supervisor does at each look: start again what died, with its back-off. From the main thread only (`Program.start`)."""
        for program in self.programs.values():
            if program.running:
                continue
            if not program.start_again_at:
                program.note_death()
            elif time.monotonic() >= program.start_again_at:
                program.start()

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """One process, without its children."""
        process = self.programs[name].process
        assert process is not None
        process.send_signal(number)

    def child_of(self, name: str) -> int:
        """The pid of a worker's child."""
        process = self.programs[name].process
        assert process is not None
        children = psutil.Process(process.pid).children()
        return children[0].pid if children else 0

    # -- the API
    def submit(self, operation: str, prefer: str = "", **fields: Any) -> dict[str, Any]:
        headers = {"Prefer": prefer} if prefer else {}
        answer = self.http.post(f"/api/v1/fakes/{operation}", json=fields, headers=headers)
        assert answer.status_code in (200, 202), answer.text
        document: dict[str, Any] = answer.json()
        return document

    def job(self, job: dict[str, Any], **query: Any) -> dict[str, Any]:
        answer = self.http.get(job["links"]["self"], params=query)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def ended(self, job: dict[str, Any], seconds: float = 60.0) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found = self.job(job, wait=5)
            return found if found["state"] not in ("queued", "running") else None

        document: dict[str, Any] = eventually(look, seconds)
        return document

    def running(self, job: dict[str, Any]) -> dict[str, Any]:
        document: dict[str, Any] = eventually(lambda: (found := self.job(job))["state"] == "running" and found)
        return document

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


def encoded(size: int) -> str:
    return base64.b64encode(os.urandom(size)).decode()


def kill_tree(pid: int) -> None:
    try:
        family = [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
