"""What only workers do. The child holds the model; the parent, Celery's process, watches the child and beats."""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
import re
import secrets
import threading
import time
from pathlib import Path
from typing import IO, Any

import psutil
from celery import signals
from django.conf import settings
from django.db import DatabaseError, connections
from django.utils.module_loading import import_string

from tasks import wakeups
from tasks.clock import DatabaseNow
from tasks.deaths import Death
from tasks.inference.model import InferenceModel
from tasks.kinds import kinds
from tasks.models import Claimant, Job, Worker, WorkerState

logger = logging.getLogger(__name__)
STOPPING, FAILED_LOADS, STATE = 0, 1, 2  # bytes shared by the parent and its children
STATES = (WorkerState.LOADING, WorkerState.READY, WorkerState.DOWN)
BEAT_TICKS = 4
UNEXPLAINED_SECONDS = 2.0  # a pid that is gone for this long without a word from the pool died a death nobody saw
LONGEST_LOAD_PAUSE_SECONDS = 60


class Shared:
    """A few bytes of memory that a parent shares with the children it forks."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, 16)

    @property
    def stopping(self) -> bool:
        return self.memory[STOPPING] == 1

    def stop(self) -> None:
        self.memory[STOPPING] = 1

    @property
    def failed_loads(self) -> int:
        return self.memory[FAILED_LOADS]

    @failed_loads.setter
    def failed_loads(self, count: int) -> None:
        self.memory[FAILED_LOADS] = min(count, 255)

    @property
    def state(self) -> WorkerState:
        """The child's; the parent writes it into the worker's row, so that a child can load while the database is away."""
        return STATES[self.memory[STATE]]

    @state.setter
    def state(self, state: WorkerState) -> None:
        self.memory[STATE] = STATES.index(state)


class Child:
    """The process that holds the model and runs jobs, one at a time."""

    def __init__(self) -> None:
        self.name = ""
        self.life = ""
        self.fresh = True
        self.shared = Shared()
        self.model: InferenceModel = InferenceModel()

    @property
    def stopping(self) -> bool:
        return self.shared.stopping

    def claimant(self) -> Claimant:
        return Claimant(self.name, self.life, os.getpid(), self.fresh)

    def release_own(self) -> None:
        """What still runs under this life and pid is held by nobody: a claim whose answer was lost, or a drain that rose."""
        for job in Job.objects.running_of(self.life).filter(pid=os.getpid()):
            job.release()

    def load(self, kind: str) -> None:
        """Load the model. On failure say so, wait longer each time, and end this process: jobs stay queued."""
        self.shared.state = WorkerState.LOADING
        started = time.monotonic()
        try:
            self.model = import_string(kinds()[kind].model)()
            self.model.load()
        except Exception as error:
            logger.exception("the model of %s cannot be loaded", kind)
            self.explain(f"{type(error).__name__}: {error}"[:300])
            self.shared.state = WorkerState.DOWN
            self.shared.failed_loads += 1
            time.sleep(min(2 ** (self.shared.failed_loads - 1), LONGEST_LOAD_PAUSE_SECONDS))
            os._exit(1)
        self.shared.failed_loads = 0
        self.shared.state = WorkerState.READY
        logger.info("worker=%s life=%s: model of %s loaded in %.1f s", self.name, self.life, kind, time.monotonic() - started)

    def explain(self, reason: str) -> None:
        try:
            Worker.objects.filter(life=self.life).update(detail=reason)
        except DatabaseError:
            logger.warning("the reason could not be written: %s", reason)


child = Child()


class Parent(threading.Thread):
    """Watches from Celery's process. Who is alive is asked of the kernel, not of Celery: rows first, pids second."""

    def __init__(self, kind: str) -> None:
        super().__init__(name="parent", daemon=True)
        self.kind = kind
        self.lock = threading.Lock()
        self.wake = threading.Event()
        self.signal = ""
        self.heard = ""  # the signal that this tick is about
        self.ended = False
        self.missing_since: dict[int, float] = {}
        self.written: WorkerState | None = None

    def run(self) -> None:
        ticks = 0
        while not self.ended:
            self.wake.wait(settings.PARENT_TICK_SECONDS)
            self.wake.clear()
            with self.lock:
                if not self.ended:
                    self.tick(beat=ticks % BEAT_TICKS == 0)
            ticks += 1

    def tick(self, beat: bool) -> None:
        """Errors are logged and the loop goes on: a beat that dies on one locked database would declare a live worker dead."""
        try:
            if beat or self.written != child.shared.state:
                self.beat(child.shared.state)
            self.release_of_the_dead()
        except DatabaseError:
            logger.warning("the parent could not read or write the database", exc_info=True)
            self.signal = self.signal or self.heard
        except Exception:
            logger.exception("the parent's tick failed")
        finally:
            connections.close_all()

    def beat(self, state: WorkerState) -> None:
        """Say that this life goes on. The row is made again if it is gone: without one, housekeeping takes a worker for dead."""
        facts: dict[str, Any] = {"seen_at": DatabaseNow(), "state": state}
        if state == WorkerState.READY:
            facts["detail"] = ""
        if not Worker.objects.filter(life=child.life).update(**facts):
            Worker.objects.create(life=child.life, name=child.name, kind=self.kind, pid=os.getpid(), state=state)
        self.written = state

    def release_of_the_dead(self) -> None:
        """A death that nobody explains within a moment is released as a loss; a note about a death that held no row is forgotten."""
        self.heard, self.signal = self.signal, ""
        rows = list(Job.objects.running_of(child.life))
        dead = [job for job in rows if not is_child(job.pid)]
        now = time.monotonic()
        self.missing_since = {job.pid: self.missing_since.get(job.pid, now) for job in dead}
        for job in dead:
            if self.heard or now - self.missing_since[job.pid] > UNEXPLAINED_SECONDS:
                job.settle(Death(self.heard, reason="an unknown cause"))

    def note(self, signal: str) -> None:
        self.signal = signal
        self.wake.set()


def is_child(pid: int) -> bool:
    """Whether this pid is a living child of this process; a zombie is not."""
    try:
        process = psutil.Process(pid)
        return process.ppid() == os.getpid() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class NodeLock:
    """The lock of a node name on this machine. Who gets it knows that the name's former life is dead, and releases exactly that."""

    def __init__(self, name: str) -> None:
        self.path = Path(settings.RUN_FOLDER) / f"{name}.lock"
        self.file: IO[str] | None = None

    def take(self, life: str) -> str | None:
        """The former life, "" if there was none; None if another process holds the name."""
        self.file = open(self.path, "a+")  # noqa: SIM115 (held until the process ends)
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        self.file.seek(0)
        former = self.file.read().strip()
        self.file.truncate(0)
        self.file.write(life)
        self.file.flush()
        return former


node_lock: NodeLock | None = None
parent: Parent | None = None


def release_life(life: str) -> None:
    """Queue what a dead life was running. A loss, not a crash: nobody saw what it died of."""
    for job in Job.objects.running_of(life):
        job.settle(Death("", reason="a restart of its worker"))


@signals.worker_init.connect
def begin_life(sender: Any = None, **_: Any) -> None:
    """Before the pool forks: name and life, and the end of the former life of this name."""
    global node_lock
    child.name = sender.hostname
    child.life = secrets.token_hex(16)
    node_lock = NodeLock(child.name)
    try:
        if former := node_lock.take(child.life):
            release_life(former)
            Worker.objects.filter(life=former).delete()
        Worker.objects.create(life=child.life, name=child.name, kind=kind_of(child.name), pid=os.getpid())
    except DatabaseError:
        logger.warning("the database is away: the first beat makes the row, housekeeping releases the former life", exc_info=True)
    finally:
        connections.close_all()  # no connection may be open when the pool forks


def kind_of(name: str) -> str:
    """A worker is named after its kind: `faces@host` or `faces-2@host`."""
    found = name.partition("@")[0]
    return found if found in kinds() else found.rpartition("-")[0]


@signals.worker_ready.connect
def watch(**_: Any) -> None:
    global parent
    parent = Parent(kind_of(child.name))
    os.register_at_fork(before=parent.lock.acquire, after_in_parent=parent.lock.release, after_in_child=parent.lock.release)
    parent.start()
    wakeups.wake(parent.kind)


@signals.worker_process_init.connect
def begin_child(**_: Any) -> None:
    """In the child: the model is loaded here, never in the parent (after one torch operation there every child hangs)."""
    child.load(kind_of(child.name))


@signals.task_failure.connect
def note_death(exception: BaseException | None = None, **_: Any) -> None:
    """Celery tells the parent that a child died; the signal is noted, the rows are asked."""
    from billiard.exceptions import Terminated, WorkerLostError

    if parent and isinstance(exception, (WorkerLostError, Terminated)):
        cause = re.search(r"signal \d+ \((SIG\w+)\)|exitcode (\d+)", str(exception))
        parent.note((cause[1] or f"exit code {cause[2]}") if cause else "unknown")


@signals.worker_shutting_down.connect
def claim_no_more(**_: Any) -> None:
    child.shared.stop()


@signals.worker_shutdown.connect
def end_life(**_: Any) -> None:
    """A worker that ends in order leaves no row behind."""
    if parent:
        with parent.lock:
            parent.ended = True  # or its next beat would make the row again
    try:
        Worker.objects.filter(life=child.life).delete()
    except DatabaseError:
        logger.warning("the worker's row stays behind", exc_info=True)
    finally:
        connections.close_all()
