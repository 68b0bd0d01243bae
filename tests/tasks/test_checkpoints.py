"""Checkpoints are written under the lease and outlive their attempt, not their job."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage

from fitsize.models import User
from tasks import runs
from tasks.deaths import Death
from tasks.errors import Canceled, Code
from tasks.models import Job, State, Stopping
from tasks.runs import JobRun
from tasks.sealing import master_opened
from tests.fakes.inference.model import FakeModel
from tests.tasks.jobs import ME, claimed, fresh, submit

pytestmark = pytest.mark.django_db


def checkpoint(run: JobRun, step: int) -> None:
    run.checkpoint(step, io.BytesIO(b"step %d" % step))


def resumed(run: JobRun) -> tuple[int, bytes] | None:
    kept = run.resume()
    if kept is None:
        return None
    with kept[1] as file:
        return kept[0], file.read()


def successor(job: Job) -> Job:
    """The next attempt, after the first was lost."""
    fresh(job).settle(Death("SIGKILL"))
    claimed = Job.objects.claim("fakes", ME)
    assert claimed is not None
    return claimed


def files(folder: Path, job: Job | None = None) -> list[str]:
    """What is stored; checkpoints are sealed for their job."""
    found = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return [(master_opened(content, job.pk) if job else content).decode() for content in found]


def test_a_first_attempt_has_nothing_to_resume(owner: User) -> None:
    assert JobRun(claimed(owner)).resume() is None


def test_the_next_attempt_resumes_at_the_last_checkpoint(owner: User, own_files: Path) -> None:
    job = claimed(owner)
    run = JobRun(job)
    checkpoint(run, 1)
    checkpoint(run, 2)
    assert files(own_files, job) == ["step 2"]
    assert resumed(JobRun(successor(job))) == (2, b"step 2")


def test_who_lost_the_lease_cannot_overwrite_a_checkpoint(owner: User, own_files: Path) -> None:
    late = JobRun(claimed(owner))
    checkpoint(late, 2)
    current = JobRun(successor(late.job))
    checkpoint(current, 3)
    with pytest.raises(Canceled):
        checkpoint(late, 5)
    assert fresh(late.job).checkpoint_step == 3
    assert files(own_files, late.job) == ["step 3"]


def test_a_checkpoint_of_a_job_that_nobody_wants_stops_it(owner: User) -> None:
    run = JobRun(claimed(owner))
    fresh(run.job).cancel()
    with pytest.raises(Canceled):
        checkpoint(run, 1)


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.CANCELED])
def test_the_checkpoint_goes_when_the_job_ends(owner: User, own_files: Path, state: State, django_capture_on_commit_callbacks: Any) -> None:
    run = JobRun(claimed(owner))
    checkpoint(run, 1)
    with django_capture_on_commit_callbacks(execute=True):
        run.job.end(state, result={} if state == State.SUCCEEDED else None)
    assert (fresh(run.job).checkpoint_file, files(own_files)) == ("", [])


def test_files_that_an_attempt_without_success_saved_go_when_the_job_ends(
    owner: User, worker: FakeModel, own_files: Path, django_capture_on_commit_callbacks: Any
) -> None:
    lost = JobRun(claimed(owner, "save", text="the second's"))
    lost.save("note.txt", io.BytesIO(b"the first's"))
    fresh(lost.job).settle(Death("SIGKILL"))
    with django_capture_on_commit_callbacks(execute=True):
        runs.run_jobs("fakes")
    assert (fresh(lost.job).state, files(own_files)) == (State.SUCCEEDED, ["the second's"])


def test_a_deadline_is_not_final_for_an_attempt_that_got_further(owner: User) -> None:
    run = JobRun(claimed(owner))
    checkpoint(run, 1)
    run.job.stopping = Stopping.TIMEOUT
    assert run.job.stopped() == State.QUEUED
    assert (fresh(run.job).crashes, fresh(run.job).losses) == (0, 0)


def test_a_deadline_is_final_for_one_that_did_not(owner: User) -> None:
    run = JobRun(claimed(owner))
    checkpoint(run, 1)
    again = successor(run.job)
    again.stopping = Stopping.TIMEOUT
    assert again.stopped() == State.FAILED


def test_a_model_takes_up_its_work_where_it_was(owner: User, worker: FakeModel, tmp_path: Path) -> None:
    job = submit(owner, "steps", marker=str(tmp_path / "marker"))
    first = Job.objects.claim("fakes", ME)
    assert first is not None
    checkpoint_of_two = JobRun(first)
    checkpoint_of_two.checkpoint(2, io.BytesIO(b"step-1 step-2"))
    first.settle(Death("SIGKILL"))
    runs.run_jobs("fakes")
    result = fresh(job).result
    assert result is not None
    assert (result["begun_at"], result["taken"]) == (3, ["step-1", "step-2", "step-3", "step-4", "step-5"])


def test_without_its_file_a_checkpoint_is_none(owner: User) -> None:
    run = JobRun(claimed(owner))
    checkpoint(run, 1)
    default_storage.delete(run.job.checkpoint_file)
    assert JobRun(successor(run.job)).resume() is None


def test_without_its_key_a_checkpoint_is_none(owner: User, settings: Any) -> None:
    run = JobRun(claimed(owner))
    checkpoint(run, 1)
    settings.SEAL_KEYS = {"another": b"x" * 32}
    assert JobRun(successor(run.job)).resume() is None


def test_a_copy_of_the_stored_files_shows_no_checkpoint(owner: User, own_files: Path) -> None:
    checkpoint(JobRun(claimed(owner)), 1)
    [stored] = (path.read_bytes() for path in own_files.rglob("*") if path.is_file())
    assert b"step" not in stored


def test_a_retry_begins_anew(owner: User) -> None:
    run = JobRun(claimed(owner))
    checkpoint(run, 3)
    run.job.fail(Code.INTERNAL_ERROR, "")
    fresh(run.job).retry()
    again = Job.objects.claim("fakes", ME)
    assert again is not None
    assert (again.resumed_step, again.checkpoint_file) == (0, "")
