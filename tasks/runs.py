"""Running jobs in a worker's child: claim the best queued row, predict, record; again for some seconds, then end."""

from __future__ import annotations

import io
import logging
import mimetypes
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import IO, Any

from celery import shared_task
from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import close_old_connections, transaction

from tasks import wakeups
from tasks.deaths import Death
from tasks.errors import Canceled, Code, InvalidInput, Outdated, document
from tasks.inference.model import InferenceModel, Run
from tasks.models import Job, SavedFile, State, delete_files
from tasks.models.files import open_sealed, saved_folder
from tasks.sealing import Unreadable, master_sealed
from tasks.transitions import AWAY, WANTED, rows
from tasks.worker.child import this_child

PROGRESS_SECONDS = 0.5
RETRY_SECONDS = 0.5
STEP_LENGTH = 80
INTERNAL_ERROR = {"state": State.FAILED, "error": document(Code.INTERNAL_ERROR, "")}
STOP_IS_HEARD_SECONDS = 1.0  # SIGTERM to a whole process group: until the parent has said that this worker stops


class JobRun(Run):
    """A model's link to the world while it runs a job: everything is written under the job's lease, and refused once that is lost."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.successor: Job | None = None  # claimed in the transaction of this job's end
        self.answer_lost = False  # that of its commit: what was claimed in it is not known
        self.saved: list[SavedFile] = []
        self.reported_at = 0.0

    def progress(self, fraction: float, step: str = "") -> None:
        now = time.monotonic()
        if now - self.reported_at < PROGRESS_SECONDS and step == self.job.progress_step:
            return
        self.reported_at = now
        self.job.progress_step = step
        self.job.report(min(max(fraction, 0.0), 1.0), step[:STEP_LENGTH])

    def check_canceled(self) -> None:
        if not self.wanted():
            raise Canceled

    def wanted(self) -> bool:
        """Whether the job is still ours, and somebody wants its result."""
        return bool(rows(WANTED, {"id": self.job.key, "lease": self.job.lease}))

    def save(self, name: str, file: IO[bytes], *, private: bool = False, sealed: bool = False) -> None:
        self.check_canceled()
        size = file.seek(0, io.SEEK_END)
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        stored = self.stored(self.boxed(file) if sealed else file)
        facts = {"content_type": content_type, "size": size, "private": private, "sealed": sealed}
        self.saved.append(SavedFile(job=self.job, name=name, file=stored, **facts))

    def checkpoint(self, step: int, file: IO[bytes]) -> None:
        stored = self.stored(self.boxed(file))
        if not self.job.keep_checkpoint(step, stored):
            delete_files([stored])
            raise Canceled

    def resume(self) -> tuple[int, IO[bytes]] | None:
        """Without its file, or the key that this was sealed under, a checkpoint is none: the work begins anew."""
        if not self.job.checkpoint_file:
            return None
        try:
            return self.job.checkpoint_step, open_sealed(self.job.checkpoint_file, self.job.pk)
        except (FileNotFoundError, Unreadable):
            return None

    def boxed(self, file: IO[bytes]) -> IO[bytes]:
        """Sealed for this job alone."""
        file.seek(0)
        return io.BytesIO(master_sealed(file.read(), self.job.pk))

    def stored(self, file: IO[bytes]) -> str:
        """Under the token of our lease: who comes after us writes elsewhere."""
        return default_storage.save(f"{saved_folder(self.job.pk)}/{self.job.lease}-{secrets.token_hex(16)}", File(file))

    def forget_files(self) -> None:
        delete_files(saved.file for saved in self.saved)
        self.saved.clear()


@shared_task(name=wakeups.RUN_JOBS, ignore_result=True)
def run_jobs(kind: str) -> None:
    """The only inference task. A message is a wake-up for a kind and names no job.

    Whatever made a drain end, or an earlier one whose last words the database did not hear: no job stays behind as running.
    """
    this_child.shared.count_drain()
    close_old_connections()
    this_child.release_own()
    try:
        drain(kind)
    finally:
        this_child.release_own()


def drain(kind: str) -> None:
    """Run queued jobs one after another, each claimed in the transaction of the end before it.

    The first claim passes the baton if more rows wait (another worker may be idle). A drain that is older than DRAIN_SECONDS,
    or whose process has grown too large or is to end, ends after its job and wakes its successor; one that was not answered ends too,
    which releases whatever was claimed. A child whose completion is refused claims nothing more.
    """
    started = time.monotonic()

    def over() -> bool:
        return time.monotonic() - started > settings.DRAIN_SECONDS or this_child.stopping or this_child.too_large()

    def successor() -> Job | None:
        this_child.fresh = False
        return None if over() else claim(kind, with_end=True)

    job = claim(kind)
    if job and Job.objects.waiting(kind):
        wakeups.wake(kind)
    while job:
        run = worked(job, successor)
        if not run:
            return
        if run.answer_lost or (not run.successor and over()):
            wakeups.wake(kind)
            return
        job = run.successor or claim(kind)
    this_child.memory.give_back()


def worked(job: Job, successor: Callable[[], Job | None]) -> JobRun | None:
    """Run it; None if it was not ours any more when it ended.

    What rises here is a loss, or the job would come back for ever: sys.exit() in a model, SIGTERM to this process alone, an end that
    cannot be written.
    """
    try:
        with this_child.at_work():
            return run_job(job, this_child.model, successor)
    except BaseException as error:
        time.sleep(STOP_IS_HEARD_SECONDS)
        if not this_child.stopping:
            job.settle(Death("", reason=f"{type(error).__name__} in its process"))
        raise


def claim(kind: str, *, with_end: bool = False) -> Job | None:
    """The next job, unless this worker is shutting down."""
    return None if this_child.stopping else Job.objects.claim(kind, this_child.claimant(), with_end=with_end)


def nobody() -> None:
    """Who follows a job that is run by itself."""


def run_job(job: Job, model: InferenceModel, successor: Callable[[], Job | None] = nobody) -> JobRun | None:
    """Predict, and record with the claim of a successor. None if the job was not ours any more when it ended."""
    job.log(State.RUNNING)
    run = JobRun(job)
    end = predicted(job, model, run)
    state = recorded(job, end, run, successor)
    if state != State.SUCCEEDED:
        run.forget_files()
    return run if state else None


def predicted(job: Job, model: InferenceModel, run: JobRun) -> dict[str, Any]:
    """The arguments of `Job.end` for what the model made of the job."""
    try:
        with ExitStack() as files:
            arguments = job.facts.arguments(job)
            for value in arguments.values():
                if hasattr(value, "close"):
                    files.callback(value.close)
            result = getattr(model, job.operation)(run, **arguments)
        warnings, job.effects = result.pop("warnings", []), result.pop("effects", None)
        return {"state": State.SUCCEEDED, "result": result, "warnings": warnings, "files": run.saved}
    except InvalidInput as refused:
        return {"state": State.FAILED, "error": document(refused.code, refused.detail)}
    except Canceled:
        return {"state": State.CANCELED}
    except AWAY:
        job.log("the database was away while it ran", logging.WARNING, traceback=True)
        return job.after(Death("", reason="a database that was away"))
    except FileNotFoundError:  # an erased job's files go at once, also from under its model
        return internal_error(job) if run.wanted() else {"state": State.CANCELED}
    except SystemExit:  # a model's, or SIGTERM to this process
        raise
    except BaseException:  # a Rust panic and a canceled coroutine are no Exceptions
        return internal_error(job)


def internal_error(job: Job) -> dict[str, Any]:
    """Our fault: the traceback goes to the log, the client reads only the code."""
    job.log("raised", logging.ERROR, traceback=True)
    return INTERNAL_ERROR


def recorded(job: Job, end: dict[str, Any], run: JobRun, successor: Callable[[], Job | None]) -> str | None:
    """Write the end, again and again while the database is away and the lease lasts. The state written, None if the lease was lost."""
    lost_at = time.monotonic() + job.deadline_seconds + settings.LEASE_MARGIN_SECONDS
    while True:
        try:
            with transaction.atomic():
                state = job.end(**end)
                run.successor = successor() if state else None
            if not state:
                state = job.ended_by_me(end["state"])
                run.answer_lost = bool(state)
            return state
        except AWAY:
            run.successor = None
            job.log("its end could not be written, it is tried again", logging.WARNING, traceback=True)
            if time.monotonic() > lost_at:
                run.saved.clear()  # a commit whose answer was lost may have kept them
                return None
            close_old_connections()
            time.sleep(RETRY_SECONDS)
        except InvalidInput as refused:  # by what follows from the result
            run.successor = None
            end = {"state": State.FAILED, "error": document(refused.code, refused.detail)}
        except Outdated:
            run.successor = None
            end = {"state": State.QUEUED, "attempts": -1}
        except Exception:  # the result, or what follows from it, can never be written: our fault
            if committed := job.ended_by_me(end["state"]):  # what rose comes after the commit
                job.log("what follows its end failed", logging.ERROR, traceback=True)
                return committed
            run.successor = None
            if end["state"] not in (State.SUCCEEDED, State.FAILED) or end == INTERNAL_ERROR:
                raise
            end = internal_error(job)
