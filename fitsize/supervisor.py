"""`manage.py up`: everything that FitSize needs, as children of one process."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command

from fitsize.broker import embedded_broker, free_port
from fitsize.programs import Program
from tasks.devices import MPS
from tasks.kinds import kinds

STOP_SECONDS = 20.0
LOOK_SECONDS = 0.1
READY_SECONDS = 600.0
EVERYWHERE = ("", "0.0.0.0", "[::]")  # noqa: S104 (recognised, not bound)
WITHOUT_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
Say = Callable[[str], None]


class CannotStart(Exception):
    """Why nothing was started; the text is for people."""


class Supervisor:
    """Starts broker, web, a worker for each kind, and housekeeping; starts again what dies; ends all of them in order.

    `visitor` is a command that runs once everything is ready; with `once` its end is the end of all. `accelerators` are kinds and devices
    (`diarization`, `cuda`): each is a worker more, beside the kind's own on the CPU.
    """

    def __init__(
        self,
        say: Say,
        bind: str = "",
        visitor: list[str] | None = None,
        once: bool = False,
        accelerators: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.say = say
        self.bind = bind or first_free_address(settings.BIND)
        if not is_free(self.bind):
            raise CannotStart(f"somebody listens at {self.bind} already, or it is no HOST:PORT of this machine")
        self.visitor = visitor
        self.once = once
        self.accelerators = accelerators
        self.stopping = False
        self.exit_code = 0
        self.programs: list[Program] = []
        self.guest: Program | None = None
        self.logs = Path(settings.DATA) / "log"
        self.environment: dict[str, str] = {
            "BIND": self.bind,
            "FITSIZE_DATA": str(settings.DATA),
            "RUN_FOLDER": str(Path(settings.RUN_FOLDER).resolve()),
            "MALLOC_ARENA_MAX": "2",
        }
        self.visitor_environment: dict[str, str] = {}

    @property
    def address(self) -> str:
        """Where this machine itself reaches the web server."""
        host, _, port = self.bind.rpartition(":")
        return f"http://{'127.0.0.1' if host in EVERYWHERE else host}:{port}"

    def run(self) -> int:
        lock = self.take_lock()
        try:
            self.logs.mkdir(mode=0o700, exist_ok=True)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                if signal.getsignal(number) is not signal.SIG_IGN:  # under nohup a hang-up is no reason to end
                    signal.signal(number, self.stop)
            self.start_broker()
            call_command("migrate", verbosity=0, interactive=False)
            self.start_rest()
            self.watch()
            return self.exit_code
        finally:
            self.end_all()
            lock.close()

    def take_lock(self) -> IO[str]:
        """One supervisor per data folder; the kernel frees the lock when its holder dies."""
        lock = open(Path(settings.DATA) / "up.lock", "a+")  # noqa: SIM115 (held until the end)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            lock.close()
            raise CannotStart(f"FitSize is up already on this data folder ({settings.DATA}): {holder}") from None
        lock.truncate(0)
        lock.write(f"pid {os.getpid()}, {self.address}")
        lock.flush()
        return lock

    def stop(self, number: int, frame: Any) -> None:
        self.stopping = True

    # -- starting
    def start_broker(self) -> None:
        if not settings.EMBEDDED_BROKER:
            self.say(f"broker    {settings.BROKER_URL.partition('@')[2] or settings.BROKER_URL}")
            return
        broker = embedded_broker(Path(settings.DATA))
        self.environment["BROKER_URL"] = broker.url
        Path(settings.EMBEDDED_BROKER_FILE).write_text(broker.url)
        self.start(Program("broker", broker.command))
        self.wait_until(broker.answers, 15, "the broker does not answer")
        self.say(f"broker    {broker.source}, no persistence: the job table is the truth")

    def start_rest(self) -> None:
        self.say(f"starting  web, housekeeping and a worker each for {', '.join(kinds())}; models are loading ...")
        python = sys.executable
        manage = [python, str(Path(settings.BASE_DIR) / "manage.py")]
        self.start(Program("web", [python, "-m", "gunicorn", "-c", "python:fitsize.gunicorn", "fitsize.asgi"]))
        for kind in kinds():
            self.start(Program(kind, worker_command(kind), niceness=10))
        for number, (kind, device) in numbered(self.accelerators):
            self.start(Program(accelerated_name(kind, device, number), worker_command(kind, device, number), niceness=10))
        self.start(Program("housekeeping", [*manage, "housekeeping"]))

    def start(self, program: Program) -> None:
        program.log = self.logs / f"{program.name}.log"
        program.environment = self.environment
        program.folder = Path(settings.BASE_DIR)
        self.programs.append(program)
        program.start()

    # -- watching
    def watch(self) -> None:
        """Until it is time to stop: start again what died, and let the visitor in once all kinds are ready."""
        ready: set[str] = set()
        begun = time.monotonic()
        while not self.stopping:
            time.sleep(LOOK_SECONDS)
            for program in self.programs:
                self.mend(program)
            if len(ready) <= len(kinds()):
                self.note_ready(ready, begun)
            if self.guest is not None and not self.guest.running:
                self.see_off(self.guest)

    def mend(self, program: Program) -> None:
        if program.running:
            return
        if not program.start_again_at:
            pause = program.note_death()
            self.say(f"{program.name:9} died of {program.cause}; started again in {pause:g} s (log: {program.log})")
        elif time.monotonic() >= program.start_again_at:
            program.start()

    def note_ready(self, ready: set[str], begun: float) -> None:
        """Say what has become ready since the last look; "all" once every kind is."""
        states = self.readiness()
        for name in ["web", *kinds()]:
            if name not in ready and states.get(name) in ("ready", "busy"):
                ready.add(name)
                self.say(f"{name:9} ready after {time.monotonic() - begun:.1f} s")
        if len(ready) == len(kinds()) + 1:
            ready.add("all")
            self.say(f"FitSize   {self.address}  data in {settings.DATA}")
            self.let_in()
        elif self.once and time.monotonic() - begun > READY_SECONDS:
            self.say("not everything became ready in time; the logs say why")
            self.exit_code, self.stopping = 1, True

    def readiness(self) -> dict[str, str]:
        try:
            with WITHOUT_PROXY.open(f"{self.address}/readyz", timeout=2) as answer:
                return {"web": "ready", **json.load(answer)["kinds"]}
        except (urllib.error.URLError, OSError, ValueError):
            return {}

    # -- the visitor
    def let_in(self) -> None:
        if self.visitor:
            self.guest = Program("visitor", self.visitor, environment=self.visitor_environment | {"FITSIZE_ADDRESS": self.address})
            self.guest.folder = Path(settings.BASE_DIR)
            self.guest.start()

    def see_off(self, guest: Program) -> None:
        self.guest = None
        if guest.process and self.once:
            self.exit_code = guest.process.returncode and 1
            self.stopping = True

    # -- ending
    def end_all(self) -> None:
        """The visitor first, then web, workers and housekeeping together, the broker last; what does not end in time is killed."""
        if self.guest:
            self.guest.ask_to_end()
            self.guest.end_by(time.monotonic() + 2)
        broker = [program for program in self.programs if program.name == "broker"]
        others = [program for program in self.programs if program.name != "broker"]
        moment = time.monotonic() + STOP_SECONDS
        for group in (others, broker):
            for program in group:
                program.ask_to_end()
            for program in group:
                if not program.end_by(max(moment, time.monotonic() + 1)):
                    self.say(f"{program.name:9} did not end in time and was killed; the next start releases its work")
        if self.programs:
            self.say("stopped")

    def wait_until(self, done: Callable[[], bool], seconds: float, otherwise: str) -> None:
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end or self.stopping:
                raise CannotStart(f"{otherwise}; see {self.logs}")
            time.sleep(0.02)


def numbered(accelerators: Sequence[tuple[str, str]]) -> list[tuple[int, tuple[str, str]]]:
    """Those that are there several times, counted from 1."""
    return [(accelerators[: place + 1].count(each), each) for place, each in enumerate(accelerators)]


def accelerated_name(kind: str, device: str, number: int) -> str:
    """`kind-device`, `kind-device2`, ...: beside the kind's own, and no two alike, as a name is one worker's (`NodeLock`)."""
    return f"{kind}-{device}{number if number > 1 else ''}"


def worker_command(kind: str, device: str = "", number: int = 1) -> list[str]:
    """Metal does not survive a fork: a worker for MPS holds the model in its own process."""
    name, pool = (accelerated_name(kind, device, number) if device else kind), ("solo" if device == MPS else "prefork")
    command = [sys.executable, "-m", "celery", "-A", "celery_worker", "worker", "-Q", kind, "-n", f"{name}@%h", "-c", "1"]
    command += [f"--pool={pool}", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    return [*command, "--device", device] if device else command


def first_free_address(wanted: str) -> str:
    """The wanted address, or a free port of the same host if somebody else listens there."""
    return wanted if is_free(wanted) else f"{wanted.rpartition(':')[0]}:{free_port()}"


def is_free(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
            return True
        except (OSError, ValueError, OverflowError):
            return False
