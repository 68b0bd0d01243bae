"""A worker's parent: Celery's process watches its child from a thread and enforces deadlines, cancels and limits.

Who is alive is asked of the kernel, not of Celery: rows first, pids second.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import secrets
import signal
import sys
import threading
import time
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tasks import wakeups
from tasks.clock import DatabaseNow, Sightings
from tasks.deaths import OUT_OF_MEMORY, Death
from tasks.kinds import kinds
from tasks.models import Job, State, Stopping, Worker, WorkerState
from tasks.worker.child import this_child
from tasks.worker.memory import oom_counter, oom_kills, resident_bytes

logger = logging.getLogger(__name__)
BEAT_TICKS = 4
UNEXPLAINED_SECONDS = 2.0  # a pid that is gone for this long without a word from the pool died a death nobody saw
GRACE_SECONDS = 1.0  # cooperative code sees a cancel by itself
BLIND_SECONDS = 10.0  # no verdict for so long after a tick that could not read: the child may hold a finished result
DEAF_SECONDS = 10.0
DATABASE_SECONDS = 2  # the parent's own patience with the database


class Parent(threading.Thread):
    def __init__(self, kind: str) -> None:
        super().__init__(name="parent", daemon=True)
        self.kind = kinds()[kind]
        self.lock = threading.Lock()
        self.wake = threading.Event()
        self.ended = False
        self.database: BaseDatabaseWrapper | None = None  # this thread's connection
        self.written: WorkerState | None = None
        self.notes: dict[int, str] = {}  # what the pool said that a child died of
        self.killed: dict[int, str] = {}  # pids that this parent has killed, and why
        self.blind_until = 0.0
        self.oom_counter = oom_counter()
        self.oom_kills = oom_kills(self.oom_counter)
        self.before: dict[str, int] = {}  # the kernel's count of kills for want of memory before each lease was seen
        self.running, self.cancels, self.missing, self.unheard = Sightings(), Sightings(), Sightings(), Sightings()

    def run(self) -> None:
        patience()
        self.database = connections[DEFAULT_DB_ALIAS]
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
        now = time.monotonic()
        if this_child.alone:
            end_unless_seen_again(settings.WORKER_DEAD_AFTER_SECONDS)
        try:
            state = this_child.state
            if beat or self.written != state:
                self.beat(state)
            self.look(now)
        except (DatabaseError, InterfaceError):  # the connection stays open between ticks: it may have been cut
            logger.warning("the parent could not read or write the database", exc_info=True)
            self.blind_until = now + BLIND_SECONDS
            connections.close_all()
        except Exception:
            logger.exception("the parent's tick failed")
            connections.close_all()

    def before_fork(self) -> None:
        """No connection may be open in a child that the pool forks, and this thread does not look meanwhile."""
        self.lock.acquire()
        if self.database:
            self.database.inc_thread_sharing()
            self.database.close()
            self.database.dec_thread_sharing()

    def look(self, now: float) -> None:
        told = list(self.notes)
        rows = Job.objects.run_by(this_child.life)
        self.stop_overdue(rows, now)
        self.watch_memory(rows)
        self.count_oom_kills(rows)
        self.let_go_of_the_dead(rows, now)
        for pid in told:
            del self.notes[pid]
        self.watch_consumer(rows, now)

    def beat(self, state: WorkerState) -> None:
        """Say that this life goes on. The row is made again if it is gone: without one, housekeeping takes a worker for dead."""
        facts: dict[str, Any] = {"seen_at": DatabaseNow(), "state": state, "memory_bytes": resident_bytes(this_child.shared.pid)}
        if state == WorkerState.READY:
            facts["detail"] = this_child.shared.remark
        if not Worker.objects.filter(life=this_child.life).update(**facts):
            Worker.objects.create(life=this_child.life, name=this_child.name, kind=self.kind.name, pid=os.getpid(), **facts)
        self.written = state

    # -- deadlines and cancels
    def stop_overdue(self, rows: list[Job], now: float) -> None:
        """A deadline runs from the tick that first saw the lease: a clock that jumps convicts nobody."""
        ages = self.running.ages([job.lease or "" for job in rows], now)
        wishes = self.cancels.ages([job.lease or "" for job in rows if job.cancel_requested], now)
        for job in rows:
            if job.stopping and job.pid not in self.killed:
                self.kill(job.pid, job.stopping)  # the lease was taken, and the answer to that was lost
            left = job.deadline_seconds - ages[job.lease or ""]
            if job.stopping or now < self.blind_until:
                continue
            if left < 0:
                self.stop(job, Stopping.TIMEOUT)
            elif wishes.get(job.lease or "", 0.0) > GRACE_SECONDS and left > this_child.shared.load_seconds:
                self.stop(job, Stopping.CANCELED)

    def stop(self, job: Job, why: Stopping) -> None:
        """Take the lease away first, and kill only if it was still there: a child that has gone on to another job is left alone."""
        mine = secrets.token_hex(16)
        held = Job.objects.filter(pk=job.pk, lease=job.lease, state=State.RUNNING)
        if held.update(lease=mine, stopping=why):
            job.lease, job.stopping = mine, why
            self.kill(job.pid, why)

    def kill(self, pid: int, why: str) -> None:
        logger.warning("child killed", extra={"worker": this_child.name, "life": this_child.life, "pid": pid, "cause": str(why)})
        self.killed[pid] = why
        if is_child(pid):
            os.kill(pid, signal.SIGKILL)
        self.wake.set()

    # -- memory
    def watch_memory(self, rows: list[Job]) -> None:
        """Above its kind's limit a child is killed, and its job charged with a crash."""
        limit = self.kind.memory_limit_bytes
        for job in rows:
            if limit and not job.stopping and resident_bytes(job.pid) > limit + this_child.shared.device_bytes:
                self.stop(job, Stopping.MEMORY)

    def count_oom_kills(self, rows: list[Job]) -> None:
        """A lease seen first now was claimed after the last look: what the kernel has killed since counts."""
        self.before = {job.lease or "": self.before.get(job.lease or "", self.oom_kills) for job in rows}
        self.oom_kills = oom_kills(self.oom_counter)

    def killed_for_memory(self, job: Job) -> bool:
        return self.oom_kills > self.before.get(job.lease or "", self.oom_kills)

    # -- deaths
    def let_go_of_the_dead(self, rows: list[Job], now: float) -> None:
        """A death that nobody explains within a moment is a loss."""
        dead = [job for job in rows if not is_child(job.pid)]
        ages = self.missing.ages([str(job.pid) for job in dead], now)
        for job in dead:
            cause = self.killed.get(job.pid) or self.notes.get(job.pid, "")
            if cause == "SIGKILL" and self.killed_for_memory(job):
                cause = OUT_OF_MEMORY
            if cause or ages[str(job.pid)] > UNEXPLAINED_SECONDS:
                self.let_go(job, cause)
        alive = {job.pid for job in rows} - {job.pid for job in dead}
        self.killed = {pid: why for pid, why in self.killed.items() if pid in alive}

    def let_go(self, job: Job, cause: str) -> None:
        if job.stopping:
            job.stopped()
        elif cause in Stopping.values:
            job.release(give_back=True)  # the kill was meant for another job that this child had ended a moment before
        else:
            job.settle(Death(cause, reason="an unknown cause"))

    def note(self, name: str) -> None:
        self.notes[this_child.shared.pid] = name
        self.wake.set()

    # -- the consumer
    def watch_consumer(self, rows: list[Job], now: float) -> None:
        """Messages wait, an idle child is ready and hears none: this worker is deaf, and ends so that it is started again."""
        idle = not rows and this_child.shared.state == WorkerState.READY and now >= self.blind_until
        waits = idle and wakeups.broker.waits_for_sure(self.kind.name)
        ages = self.unheard.ages([str(this_child.shared.drains)] if waits else [], now)
        if max(ages.values(), default=0.0) > DEAF_SECONDS:
            logger.critical("deaf, a message waits and is not taken; it ends", extra={"worker": this_child.name, "life": this_child.life})
            os._exit(1)


def end_unless_seen_again(seconds: float) -> None:
    """A solo worker whose native code holds the interpreter cannot be killed by its own thread: a timer of the C library ends it, with the
    stacks in its log. Each call winds it up again."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__ or sys.stderr)  # Celery's own has no file


def patience() -> None:
    """This thread's connection gives up early: a parent that waits for a lock does not beat."""
    options = {**connection.settings_dict.get("OPTIONS", {})}
    if connection.vendor == "sqlite":
        options["timeout"] = DATABASE_SECONDS
    else:
        options |= {"connect_timeout": DATABASE_SECONDS, "options": f"-c statement_timeout={DATABASE_SECONDS * 1000}"}
    connection.settings_dict = {**connection.settings_dict, "OPTIONS": options}


def is_child(pid: int) -> bool:
    """Whether this pid is a living child of this process, or this process itself, whose pool is solo; a zombie is not. The pool's own look
    at its children is left alone."""
    try:
        return pid == os.getpid() or os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False
