"""What only workers do, hung on Celery's signals. The child holds the model; the parent watches it and beats."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import secrets
import signal
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from celery import signals
from django.conf import settings
from django.db import DatabaseError, connections

from tasks import wakeups
from tasks.devices import Asked, tell
from tasks.kinds import kinds
from tasks.models import Job, Worker, WorkerState, discard_beside_work
from tasks.worker.child import this_child
from tasks.worker.parent import Parent, is_child

__all__ = ["this_child"]
logger = logging.getLogger(__name__)


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
this_parent: Parent | None = None


def release_life(life: str) -> None:
    """Queue what a dead life was running. A loss, not a crash: nobody saw what it died of; neither if it had been asked to end."""
    stopping = Worker.objects.filter(life=life, state=WorkerState.STOPPING).exists()
    for job in Job.objects.run_by(life):
        job.lost("a restart of its worker", asked_to_end=stopping)


@signals.celeryd_init.connect
def note_device(conf: Any = None, options: Any = None, **_: Any) -> None:
    """What `--device` says, or the setting. The child hears of it; the parent asks for no device: CUDA does not survive a fork."""
    this_child.parent = os.getpid()
    this_child.asked = Asked(
        (options or {}).get("device") or settings.DEVICE, (options or {}).get("concurrency") or conf.worker_concurrency
    )


@signals.celeryd_init.connect
def recycle_large_children(sender: str = "", conf: Any = None, **_: Any) -> None:
    """The pool replaces a child that has held more memory than its kind may keep: it looks after each drain, at the peak."""
    if limit := kinds()[kind_of(sender)].memory_recycle_bytes:
        conf.worker_max_memory_per_child = limit // 1024


@signals.worker_init.connect
def begin_life(sender: Any = None, **_: Any) -> None:
    """Before the pool forks: name and life, and the end of the former life of this name."""
    global node_lock
    this_child.name = sender.hostname
    this_child.life = secrets.token_hex(16)
    node_lock = NodeLock(this_child.name)
    try:
        if former := node_lock.take(this_child.life):
            release_life(former)
            Worker.objects.filter(life=former).delete()
        Worker.objects.create(life=this_child.life, name=this_child.name, kind=kind_of(this_child.name), pid=os.getpid())
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
    global this_parent
    this_parent = Parent(kind_of(this_child.name))
    os.register_at_fork(before=this_parent.before_fork, after_in_parent=this_parent.lock.release, after_in_child=this_parent.lock.release)
    this_parent.start()
    wakeups.wake(this_parent.kind.name)


@signals.worker_process_init.connect
def begin_child(**_: Any) -> None:
    """In the child: the model is loaded here, never in the parent (after one torch operation there every child hangs)."""
    discard_beside_work()
    this_child.shared.pid = os.getpid()
    tell(replace(this_child.asked, forked=not this_child.alone))
    this_child.load(kind_of(this_child.name))


@signals.task_postrun.connect
def end_large(**_: Any) -> None:
    """The pool replaces a large child; where there is none, the worker ends in order, and its supervisor starts another."""
    if this_child.alone and this_child.too_large():
        logger.warning("too large, this worker ends", extra={"worker": this_child.name, "life": this_child.life})
        os.kill(os.getpid(), signal.SIGTERM)


@signals.task_failure.connect
def note_death(exception: BaseException | None = None, **_: Any) -> None:
    """Celery tells the parent that a child died; the signal is noted, the rows are asked."""
    from billiard.exceptions import Terminated, WorkerLostError

    if this_parent and isinstance(exception, (WorkerLostError, Terminated)):
        cause = re.search(r"signal \d+ \((SIG\w+)\)|exitcode (\d+)", str(exception))
        this_parent.note((cause[1] or f"exit code {cause[2]}") if cause else "unknown")


@signals.worker_shutting_down.connect
def claim_no_more(**_: Any) -> None:
    this_child.shared.stop()


@signals.worker_shutdown.connect
def end_life(**_: Any) -> None:
    """A worker that ends in order leaves no row behind, and nothing that runs: after a second signal the pool was ended at its work."""
    if this_parent:
        with this_parent.lock:
            this_parent.ended = True  # or its next beat would make the row again
    try:
        for job in Job.objects.run_by(this_child.life):
            if this_child.alone or not is_child(job.pid):
                job.release()
        Worker.objects.filter(life=this_child.life).delete()
    except DatabaseError:
        logger.warning("the worker's row stays behind", exc_info=True)
    finally:
        connections.close_all()
