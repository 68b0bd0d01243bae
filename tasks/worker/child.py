"""A worker's child: the process that holds the model and runs jobs, one at a time."""

from __future__ import annotations

import logging
import os
import time

from django.db import DatabaseError
from django.utils.module_loading import import_string

from tasks.inference.model import InferenceModel
from tasks.kinds import kinds
from tasks.models import Claimant, Job, Worker, WorkerState
from tasks.worker.shared import Shared

logger = logging.getLogger(__name__)
LONGEST_LOAD_PAUSE_SECONDS = 60


class Child:
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
        for job in Job.objects.run_by(self.life):
            if job.pid == os.getpid() and not job.stopping:
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
        self.shared.load_seconds = time.monotonic() - started
        self.shared.state = WorkerState.READY
        logger.info("worker=%s life=%s: model of %s loaded in %.1f s", self.name, self.life, kind, self.shared.load_seconds)

    def explain(self, reason: str) -> None:
        try:
            Worker.objects.filter(life=self.life).update(detail=reason)
        except DatabaseError:
            logger.warning("the reason could not be written: %s", reason)


this_child = Child()
