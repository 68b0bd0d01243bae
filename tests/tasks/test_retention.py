"""Inputs, results and tombstones are kept for as long as they should be, and no longer."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from fitsize.models import User
from tasks import retention, runs
from tasks.errors import Canceled, Code
from tasks.models import Input, Job, SavedFile, State
from tests.fakes.inference.model import FakeModel
from tests.tasks.jobs import ME, claimed, files_of, fresh, submit, upload

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def ended(job: Job, ago: timedelta) -> Job:
    """The job, as if it had ended so long ago."""
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - ago)
    return fresh(job)


@pytest.fixture
def keeping(monkeypatch: pytest.MonkeyPatch, owner: User) -> None:
    """The fakes keep inputs for a week, as garments and recordings do."""
    monkeypatch.setitem(Job(kind="fakes").facts.__dict__, "keep_inputs_seconds", 7 * 86_400)


def succeeded(owner: User) -> Job:
    submit(owner, uploads={"file": upload()})
    job = Job.objects.claim("fakes", ME)
    assert job is not None
    job.end(State.SUCCEEDED, result={"found": 1})
    return job


def test_inputs_are_kept_by_the_kinds_rule_and_then_deleted(
    owner: User, keeping: None, own_files: Path, django_capture_on_commit_callbacks: Any
) -> None:
    young, old = succeeded(owner), succeeded(owner)
    ended(old, 8 * DAY)
    with django_capture_on_commit_callbacks(execute=True):
        retention.discard_inputs()
    assert (fresh(young).inputs_kept, fresh(old).inputs_kept) == (True, False)
    assert len(files_of(own_files)) == 1
    assert fresh(old).result == {"found": 1}


def test_inputs_of_a_failure_that_may_be_retried_are_kept_for_a_day_whatever_the_rule(owner: User) -> None:
    job = claimed(owner)
    job.fail(Code.TIMEOUT, "")
    retention.discard_inputs()
    assert fresh(job).inputs_kept is True
    ended(job, 2 * DAY)
    retention.discard_inputs()
    assert fresh(job).inputs_kept is False


def test_inputs_of_any_other_end_are_gone_at_once_where_the_rule_says_so(owner: User) -> None:
    job = claimed(owner)
    job.fail(Code.NO_FACE, "")
    assert fresh(job).inputs_kept is False


def test_an_old_result_becomes_a_tombstone_without_data(
    owner: User, worker: FakeModel, own_files: Path, django_capture_on_commit_callbacks: Any
) -> None:
    job = submit(owner, "save", uploads={"file": upload()}, text="secret")
    with django_capture_on_commit_callbacks(execute=True):
        runs.run_jobs("fakes")
    ended(job, 31 * DAY)
    with django_capture_on_commit_callbacks(execute=True):
        retention.erase_old_jobs()
    row = fresh(job)
    assert (row.parameters, row.result, row.state, row.erased_at is not None) == ({}, None, State.SUCCEEDED, True)
    assert (SavedFile.objects.count(), Input.objects.count(), files_of(own_files)) == (0, 0, [])


def test_a_young_result_stays(owner: User) -> None:
    job = ended(succeeded(owner), 29 * DAY)
    retention.erase_old_jobs()
    assert fresh(job).result == {"found": 1}


def test_a_tombstone_answers_410_and_is_not_listed(client: Client, owner: User) -> None:
    job = succeeded(owner)
    job.erase()
    answer = client.get(f"/api/v1/jobs/{job.pk}")
    assert (answer.status_code, answer.json()["code"]) == (410, "gone")
    assert client.get("/api/v1/jobs").json()["results"] == []


def test_a_tombstone_goes_after_its_own_time(owner: User) -> None:
    young, old = succeeded(owner), succeeded(owner)
    for job in (young, old):
        job.erase()
    Job.objects.filter(pk=old.pk).update(erased_at=timezone.now() - 31 * DAY)
    retention.forget_tombstones()
    assert [row.pk for row in Job.objects.all()] == [young.pk]


def test_a_running_job_that_is_erased_is_canceled_and_leaves_nothing(
    owner: User, own_files: Path, django_capture_on_commit_callbacks: Any
) -> None:
    job = claimed(owner, "save")
    run = runs.JobRun(job)
    with django_capture_on_commit_callbacks(execute=True):
        fresh(job).erase()
    with pytest.raises(Canceled):
        run.check_canceled()
    with django_capture_on_commit_callbacks(execute=True):
        assert job.end(State.SUCCEEDED, result={"secret": 1}) == State.CANCELED
    assert (fresh(job).result, fresh(job).erased_at is not None, files_of(own_files)) == (None, True, [])


def test_a_job_whose_files_are_erased_from_under_its_model_is_nobodys_fault(
    owner: User, worker: FakeModel, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    job = claimed(owner, uploads={"file": upload()})
    with django_capture_on_commit_callbacks(execute=True):
        fresh(job).erase()
    runs.run_job(job, worker)
    assert fresh(job).state == State.CANCELED
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_queued_job_that_is_erased_never_runs(owner: User) -> None:
    job = submit(owner, text="secret")
    job.erase()
    assert Job.objects.claim("fakes", ME) is None
    assert (fresh(job).state, fresh(job).parameters) == (State.CANCELED, {})


def test_a_second_erasure_changes_nothing(owner: User) -> None:
    job = succeeded(owner)
    job.erase()
    first = fresh(job).erased_at
    job.erase()
    assert fresh(job).erased_at == first


def test_inputs_of_a_kind_that_is_gone_go_too(owner: User, own_files: Path, django_capture_on_commit_callbacks: Any) -> None:
    job = claimed(owner)
    job.fail(Code.TIMEOUT, "")
    Job.objects.filter(pk=ended(job, 2 * DAY).pk).update(kind="gone")
    with django_capture_on_commit_callbacks(execute=True):
        retention.discard_inputs()
    assert fresh(job).inputs_kept is False


def sweep(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """All folders in which these files lie."""
    for name in names:
        monkeypatch.setattr(retention.time, "time", lambda name=name: 60.0 * int(name[:2], 16))  # type: ignore[attr-defined]
        retention.sweep_strays()


def test_an_input_whose_deletion_was_lost_is_swept_and_others_stay(owner: User, own_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, lost = submit(owner, uploads={"file": upload()}), submit(owner, uploads={"file": upload()})
    Job.objects.filter(pk=lost.pk).update(inputs_kept=False)  # committed, and then its process died
    sweep(monkeypatch, *(path.name for path in files_of(own_files)))
    assert [path.name for path in files_of(own_files)] == [kept.inputs.get().pk.hex]


def test_a_file_whose_row_was_never_written_is_swept_when_no_submit_can_be_so_slow(
    owner: User, own_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    young, old = Input.objects.receive(owner.pk, {"young": upload(), "old": upload()})
    an_hour_ago = time.time() - 3700
    os.utime(own_files / old.file, (an_hour_ago, an_hour_ago))
    sweep(monkeypatch, young.pk.hex, old.pk.hex)
    assert [path.name for path in files_of(own_files)] == [young.pk.hex]


def test_the_folders_that_a_job_leaves_empty_go_too(
    owner: User, worker: FakeModel, own_files: Path, django_capture_on_commit_callbacks: Any
) -> None:
    job = submit(owner, "save")
    runs.run_jobs("fakes")
    with django_capture_on_commit_callbacks(execute=True):
        fresh(job).erase()
    assert list((own_files / "saved").iterdir()) == []


def test_a_kinds_own_steps_are_taken_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Job(kind="fakes").facts.__dict__, "retention", ("tests.tasks.test_retention.own_step",))
    retention.Sweep()(0.0)
    assert OWN_STEPS == [1]


OWN_STEPS: list[int] = []


def own_step() -> bool:
    OWN_STEPS.append(1)
    return False
