from __future__ import annotations

from pathlib import Path
from typing import IO

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError, transaction

from fitsize.models import User
from tasks.deaths import Death
from tasks.errors import Code
from tasks.models import Input, Job, SavedFile, State
from tasks.models.queue import JobQuerySet
from tests.fakes.kind import EFFECTS
from tests.tasks.jobs import ME, claimed, files_of, fresh, submit, upload

pytestmark = pytest.mark.django_db


def test_the_holder_of_the_lease_writes_the_end(owner: User) -> None:
    job = claimed(owner)
    assert job.end(State.SUCCEEDED, result={"answer": 42}) == State.SUCCEEDED
    row = fresh(job)
    assert (row.state, row.result, row.error, row.finished_at is not None) == (State.SUCCEEDED, {"answer": 42}, None, True)


def test_a_second_end_changes_nothing(owner: User) -> None:
    job = claimed(owner)
    job.end(State.SUCCEEDED, result={"answer": 1})
    assert job.end(State.FAILED, error={"code": "late"}) is None
    assert fresh(job).result == {"answer": 1}


def test_a_repeated_commit_recognises_itself_by_the_lease_that_an_ended_row_keeps(owner: User) -> None:
    job = claimed(owner)
    job.end(State.SUCCEEDED, result={})
    assert job.ended_by_me(State.SUCCEEDED) == State.SUCCEEDED
    assert job.ended_by_me(State.FAILED) is None


def test_a_worker_that_lost_its_lease_has_no_effect(owner: User) -> None:
    late = claimed(owner)
    fresh(late).release()
    successor = Job.objects.claim("fakes", ME)
    EFFECTS.clear()
    assert late.end(State.SUCCEEDED, result={"late": True}) is None
    assert EFFECTS == []
    assert successor is not None
    assert fresh(late).lease == successor.lease


def test_success_runs_the_kinds_effect_and_failure_does_not(owner: User) -> None:
    EFFECTS.clear()
    claimed(owner).fail(Code.NO_FACE, "nobody")
    assert EFFECTS == []
    job = claimed(owner)
    job.end(State.SUCCEEDED, result={"a": 1})
    assert [(str(job.pk), {"a": 1})] == EFFECTS


def test_an_effect_that_raises_leaves_the_job_running(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = claimed(owner)

    def broken(*_: object) -> None:
        raise RuntimeError("no gallery")

    monkeypatch.setitem(job.facts.__dict__, "on_success", broken)
    with pytest.raises(RuntimeError), transaction.atomic():
        job.end(State.SUCCEEDED, result={})
    assert fresh(job).state == State.RUNNING


def test_a_job_whose_cancel_was_requested_ends_canceled_whatever_it_found(owner: User) -> None:
    job = claimed(owner)
    fresh(job).cancel()
    assert job.end(State.SUCCEEDED, result={"unwanted": True}) == State.CANCELED
    row = fresh(job)
    assert (row.state, row.result, row.warnings) == (State.CANCELED, None, [])


def test_a_released_job_is_queued_again_without_lease_and_wakes_its_kind(
    owner: User, wakened: list[str], django_capture_on_commit_callbacks: object
) -> None:
    job = claimed(owner)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]  # a fixture without a public type
        job.release()
    row = fresh(job)
    assert (row.state, row.lease, row.finished_at, row.attempts) == (State.QUEUED, None, None, 1)
    assert wakened == ["fakes"]


def test_a_released_job_whose_cancel_was_requested_is_canceled(owner: User) -> None:
    job = claimed(owner)
    fresh(job).cancel()
    assert job.release() == State.CANCELED


def test_a_queued_job_is_canceled_at_once_and_again_without_harm(owner: User) -> None:
    job = submit(owner)
    job.cancel()
    fresh(job).cancel()
    assert fresh(job).state == State.CANCELED


def test_an_ended_job_stays_as_it_is_when_it_is_canceled(owner: User) -> None:
    job = claimed(owner)
    job.end(State.SUCCEEDED, result={})
    fresh(job).cancel()
    assert (fresh(job).state, fresh(job).cancel_requested) == (State.SUCCEEDED, False)


def test_nan_is_refused_before_anything_is_written(owner: User) -> None:
    job = claimed(owner)
    with pytest.raises(ValueError, match="JSON"):
        job.end(State.SUCCEEDED, result={"value": float("nan")})
    assert fresh(job).state == State.RUNNING


def test_saved_files_are_written_with_the_success(owner: User) -> None:
    job = claimed(owner)
    job.end(State.SUCCEEDED, result={}, files=[SavedFile(job=job, name="a.txt", file="x/a", content_type="text/plain", size=1)])
    assert [saved.name for saved in fresh(job).files.all()] == ["a.txt"]


def test_inputs_of_a_kind_that_keeps_none_are_gone_when_the_job_ends(owner: User, django_capture_on_commit_callbacks: object) -> None:
    submit(owner, uploads={"file": upload(b"face")})
    job = Job.objects.claim("fakes", ME)
    assert job is not None
    name = job.inputs.get().file
    assert default_storage.exists(name)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]  # a fixture without a public type
        job.fail(Code.NO_FACE, "nobody")
    assert not default_storage.exists(name)
    assert not fresh(job).inputs_kept


def test_the_third_crash_in_a_fresh_child_is_the_last(owner: User) -> None:
    job = claimed(owner)
    for crashes in (1, 2):
        assert job.settle(Death("SIGABRT")) == State.QUEUED
        assert fresh(job).crashes == crashes
        again = Job.objects.claim("fakes", ME)
        assert again is not None
        job = again
    assert job.settle(Death("SIGABRT")) == State.FAILED
    error = fresh(job).error
    assert error is not None
    assert (error["code"], "SIGABRT" in error["detail"]) == ("worker_crashed", True)


def test_a_disk_that_is_full_leaves_neither_rows_nor_files(owner: User, own_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = default_storage.save

    def full(name: str, content: IO[bytes]) -> str:
        if files_of(own_files):
            raise OSError("no space left on device")
        return save(name, content)

    monkeypatch.setattr(default_storage, "save", full)
    with pytest.raises(OSError, match="no space"):
        submit(owner, uploads={"file": upload(), "other": upload()})
    assert (Job.objects.count(), Input.objects.count(), files_of(own_files)) == (0, 0, [])


def test_files_stay_where_nobody_knows_whether_their_rows_were_committed(
    owner: User, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> None:
        raise OperationalError("the connection is gone")

    monkeypatch.setattr(JobQuerySet, "insert", lost)
    with pytest.raises(OperationalError):
        submit(owner, uploads={"file": upload()})
    assert len(files_of(own_files)) == 1


def test_a_stored_input_knows_its_size_and_hash(owner: User) -> None:
    job = submit(owner, uploads={"file": upload(b"abc")})
    row = job.inputs.get()
    assert (row.size, row.sha256[:8], job.inputs_kept) == (3, "ba7816bf", True)
    with default_storage.open(row.file) as file:
        assert file.read() == b"abc"
