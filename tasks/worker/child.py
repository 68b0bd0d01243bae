"""A worker's child: the process that holds the model and runs jobs, one at a time."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError
from django.utils.module_loading import import_string

from tasks.devices import Asked
from tasks.inference.model import InferenceModel
from tasks.kinds import kinds
from tasks.models import Claimant, Job, Worker, WorkerState
from tasks.worker.memory import OwnMemory, release_code
from tasks.worker.shared import Doing, Shared

logger = logging.getLogger(__name__)
LONGEST_LOAD_PAUSE_SECONDS = 60
DEATHS = {
    Doing.LOADING: "the model's process died while it loaded the model",
    Doing.SAMPLE: "the model's process died on its built-in sample",
}


class Child:
    def __init__(self) -> None:
        self.name = ""
        self.life = ""
        self.fresh = True
        self.parent = -1  # the pid of the process that beats
        self.asked = Asked()
        self.recycle_bytes = 0
        self.memory = OwnMemory()
        self.shared = Shared()
        self.model: InferenceModel = InferenceModel()

    @property
    def stopping(self) -> bool:
        return self.shared.stopping

    @property
    def state(self) -> WorkerState:
        """As the parent tells it: a worker that was asked to end is stopping, whatever its child is at."""
        return WorkerState.STOPPING if self.stopping else self.shared.state

    @property
    def alone(self) -> bool:
        """Whether parent and child are one process (`--pool=solo`): what ends the child ends the worker; a supervisor starts another."""
        return self.shared.pid == self.parent

    def claimant(self) -> Claimant:
        return Claimant(self.name, self.life, os.getpid(), self.fresh)

    def release_own(self) -> None:
        """What still runs under this life and pid is held by nobody: a claim whose answer was lost, or a drain that rose."""
        for job in Job.objects.run_by(self.life):
            if job.pid == os.getpid() and not job.stopping:
                job.release()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While a job runs. A child that has finished one is fresh no more: heap damage aborts late."""
        self.shared.doing = Doing.JOB
        try:
            yield
        finally:
            self.shared.doing = Doing.NOTHING
            self.fresh = False

    def too_large(self) -> bool:
        """Whether this process holds more memory than its kind may keep between jobs."""
        return bool(self.recycle_bytes) and self.memory.resident_bytes() > self.recycle_bytes + self.shared.device_bytes

    def load(self, kind: str) -> None:
        """Load the model, and try it on its built-in sample if the last child died at a job: a broken installation convicts no input.

        On failure say so and end this process; the next one waits longer each time. Jobs stay queued.
        """
        self.recycle_bytes = kinds()[kind].memory_recycle_bytes
        self.shared.pid = os.getpid()
        died_at = self.shared.doing
        if died_at in (Doing.LOADING, Doing.SAMPLE):
            self.note_failure(kind, DEATHS[died_at])
        self.pause()
        try:
            self.prepare(kind, with_sample=died_at in (Doing.JOB, Doing.SAMPLE) or self.shared.suspicious)
        except Exception as error:
            logger.exception("the model of %s cannot be loaded", kind)
            self.shared.doing = Doing.NOTHING
            self.note_failure(kind, f"{type(error).__name__}: {error}"[:300])
            os._exit(1)

    def prepare(self, kind: str, with_sample: bool) -> None:
        self.shared.state, self.shared.suspicious = WorkerState.LOADING, with_sample
        started = time.monotonic()
        self.shared.doing = Doing.LOADING
        self.model = import_string(kinds()[kind].model)()
        self.model.load()
        if with_sample:
            self.shared.doing = Doing.SAMPLE
            self.model.sample()
        self.shared.remark, self.shared.device_bytes = self.model.remark, self.model.device_bytes
        release_code()
        self.shared.doing, self.shared.suspicious, self.shared.failed_loads = Doing.NOTHING, False, 0
        self.shared.load_seconds = time.monotonic() - started
        self.shared.state = WorkerState.READY
        facts = {"kind": kind, "worker": self.name, "life": self.life, "seconds": round(self.shared.load_seconds, 1)}
        logger.info("model loaded", extra=facts | {"sample": "passed" if with_sample else "not asked"})

    def note_failure(self, kind: str, reason: str) -> None:
        self.shared.state = WorkerState.DOWN
        self.shared.failed_loads += 1
        logger.error("down", extra={"kind": kind, "worker": self.name, "life": self.life, "reason": reason})
        self.explain(reason)

    def pause(self) -> None:
        if self.shared.failed_loads:
            time.sleep(min(2 ** (self.shared.failed_loads - 1), LONGEST_LOAD_PAUSE_SECONDS))

    def explain(self, reason: str) -> None:
        try:
            Worker.objects.filter(life=self.life).update(detail=reason)
        except DatabaseError:
            logger.warning("the reason could not be written: %s", reason)


this_child = Child()
