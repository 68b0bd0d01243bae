"""A whole FitSize in processes of its own: broker, web, workers, housekeeping. For tests of real faults, and for benchmarks."""

from __future__ import annotations

import atexit
import base64
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import psutil
import redis
from celery import Celery

from fitsize.broker import EmbeddedBroker, embedded_broker, free_port
from fitsize.programs import Program
from fitsize.supervisor import worker_command
from tasks.wakeups import RUN_JOBS, redis_url
from tests.clock import install_in_postgresql
from tests.postgres import connected

ROOT = Path(__file__).resolve().parent.parent


def eventually(condition: Callable[[], Any], seconds: float = 120.0, pause: float = 0.05) -> Any:
    """The condition's first true value; AssertionError if there is none in time."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(pause)
    return value


class Stack:
    """`clock`: the database's clock can be moved; `environment`: settings of all its processes."""

    def __init__(
        self,
        folder: Path,
        database_url: str = "",
        workers: tuple[str, ...] = ("fakes",),
        clock: bool = False,
        environment: Mapping[str, str] | None = None,
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
            "GUNICORN_WORKERS": "1",  # one to be killed, frozen and watched; tests/worker/test_two_web_processes.py has two
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "MALLOC_ARENA_MAX": "2",
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url,  # none is a SQLite in the folder, whatever this process was told
            **(environment or {}),
        }
        self.database_url = database_url
        if clock:
            self.environment["TEST_CLOCK"] = str(self.clock)
            self.move_clock(0)
            if database_url:
                install_in_postgresql(database_url)
        self.key = ""

    def __enter__(self) -> Stack:
        try:
            self.start("broker", self.broker.command)
            eventually(self.broker.answers, 15)
            self.prepare()
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

    def prepare(self) -> None:
        """A migrated database with a key in it."""
        if self.database_url:
            self.key = migrated(self.environment)
            return
        file, self.key = prepared_file(self.environment["DJANGO_SETTINGS_MODULE"])
        shutil.copy(file, self.folder)

    def manage(self, *arguments: str) -> str:
        return managed(self.environment, *arguments)

    def start(self, name: str, command: list[str], niceness: int = 0, **environment: str) -> Program:
        surroundings = {**self.environment, **environment}
        program = Program(name, command, log=self.folder / f"{name}.log", niceness=niceness, environment=surroundings)
        self.programs[name] = program
        program.start()
        return program

    def start_worker(self, name: str, **environment: str) -> Program:
        """A worker of the kind that its name begins with: `fakes`, `fakes-2`. The same name again is the same worker restarted."""
        command = worker_command(name.partition("-")[0])
        command[command.index("-n") + 1] = f"{name}@%h"
        return self.start(name, command, niceness=10, **environment)

    def stop(self) -> None:
        for program in reversed(self.programs.values()):
            if program.process:
                with suppress(ProcessLookupError):
                    os.killpg(program.process.pid, signal.SIGKILL)  # at once: a master whose child dies first makes another
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
        if number == signal.SIGKILL:
            process.wait()

    def kill_family(self, name: str, number: int = signal.SIGKILL) -> None:
        """A program with all its processes."""
        process = self.programs[name].process
        assert process is not None
        os.killpg(process.pid, number)
        if number == signal.SIGKILL:
            process.wait()

    def freeze(self, name: str) -> None:
        """A whole worker, at a moment when it does not hold the only lock that SQLite has."""
        while True:
            self.kill_family(name, signal.SIGSTOP)
            if self.writable():
                return
            self.kill_family(name, signal.SIGCONT)

    def thaw(self, name: str) -> None:
        self.kill_family(name, signal.SIGCONT)

    def end(self, name: str) -> None:
        """Ask a program to end, and see that it does."""
        process = self.programs[name].process
        assert process is not None
        process.terminate()
        assert process.wait(60) == 0

    def only(self, *workers: str) -> None:
        """Exactly these workers, idle and ready."""
        for name in [name for name in self.programs if name.startswith("fakes") and name not in workers]:
            if self.programs[name].running:
                self.end(name)
            del self.programs[name]
        self.workers = workers
        for name in workers:
            if name not in self.programs or not self.programs[name].running:
                self.start_worker(name)
        eventually(lambda: all(self.pid_of(name) in self.ready_pids() for name in workers))

    def pid_of(self, name: str) -> int:
        process = self.programs[name].process
        assert process is not None
        return process.pid

    def ready_pids(self) -> list[int]:
        return [pid for (pid,) in self.select("SELECT pid FROM tasks_worker WHERE state = 'ready'")]

    def child_of(self, name: str) -> int:
        """The pid of a worker's child."""
        process = self.programs[name].process
        assert process is not None
        children = psutil.Process(process.pid).children()
        return children[0].pid if children else 0

    # -- the broker and the database
    @property
    def redis(self) -> redis.Redis:
        address = redis_url(self.broker.url)
        assert address is not None
        return redis.Redis.from_url(address, socket_timeout=5)

    def cut_connections(self) -> None:
        """All that anybody has to the broker."""
        with self.redis as client:
            for kind in ("normal", "pubsub"):
                client.client_kill_filter(_type=kind, skipme=True)

    def wake(self, count: int) -> None:
        """Send so many wake-ups, whether they are needed or not."""
        with Celery(broker=self.broker.url) as app, app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
            for _ in range(count):
                app.send_task(RUN_JOBS, args=["fakes"], queue="fakes", producer=producer, ignore_result=True)

    def select(self, statement: str) -> list[tuple[Any, ...]]:
        if self.database_url:
            with connected(self.database_url) as server:
                return server.execute(statement.encode()).fetchall()
        with closing(sqlite3.connect(self.folder / "fitsize.sqlite3")) as file:
            return file.execute(statement).fetchall()

    def charges(self, job: dict[str, Any]) -> tuple[int, int, int]:
        """Attempts, crashes and losses."""
        [(attempts, crashes, losses)] = self.row(job, "attempts, crashes, losses")
        return attempts, crashes, losses

    def row(self, job: dict[str, Any], columns: str) -> list[tuple[Any, ...]]:
        return self.select(f"SELECT {columns} FROM tasks_job WHERE id = '{job['id'].replace('-', '')}'")  # noqa: S608 (our own words)

    def holder(self, job: dict[str, Any]) -> str:
        """The program that claimed it last."""
        [(worker,)] = self.row(job, "worker")
        return str(worker).partition("@")[0]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """SQLite's only lock for writers is held by somebody else."""
        with closing(sqlite3.connect(self.folder / "fitsize.sqlite3", timeout=5, isolation_level=None)) as file:
            file.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                file.execute("ROLLBACK")

    def writable(self) -> bool:
        if self.database_url:
            return True
        try:
            with self.locked():
                return True
        except sqlite3.OperationalError:
            return False

    @property
    def clock(self) -> Path:
        return self.folder / "clock"

    def move_clock(self, seconds: float) -> None:
        """The database's clock, to so many seconds after the true time."""
        if self.database_url and self.clock.exists():
            with connected(self.database_url) as server:
                server.execute("UPDATE clock SET seconds = %s", [seconds])
        written = self.folder / "clock.new"
        written.write_text(str(seconds))
        written.replace(self.clock)

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

    def ended(self, job: dict[str, Any], seconds: float = 120.0) -> dict[str, Any]:
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


def managed(environment: Mapping[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def migrated(environment: Mapping[str, str]) -> str:
    """Make the tables; the key of a first owner."""
    managed(environment, "migrate", "-v0")
    return managed(environment, "apikey", "create", "--rate", "0", "--queued", "0", "--scope", "all").strip()


@cache
def prepared_file(settings_module: str) -> tuple[Path, str]:
    """A SQLite as `migrated` leaves it and its key, made once: a stack of this process begins with a copy, two starts of Django sooner."""
    folder = tempfile.mkdtemp(prefix="fitsize-stack-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    environment = {"FITSIZE_DATA": folder, "DATABASE_URL": "", "BROKER_URL": "memory://", "DJANGO_SETTINGS_MODULE": settings_module}
    return Path(folder, "fitsize.sqlite3"), migrated(environment)


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
