from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from django.db import OperationalError
from django.db.transaction import Atomic
from django.test import Client

from fitsize.models import User
from tasks import runs
from tasks.errors import Code, InvalidInput, Outdated
from tasks.models import Claimant, Job, State
from tasks.worker import this_child
from tests.fakes.inference.model import FakeModel
from tests.fakes.kind import EFFECTS
from tests.tasks.jobs import ME, fresh, submit, upload

pytestmark = pytest.mark.django_db


def test_a_drain_runs_every_queued_job_of_its_kind(owner: User, worker: FakeModel) -> None:
    jobs = [submit(owner, text=str(number)) for number in range(3)]
    runs.run_jobs("fakes")
    assert [fresh(job).result for job in jobs] == [{"files": {}, "values": {"text": str(number)}} for number in range(3)]


def test_the_model_gets_parameters_and_opened_inputs(owner: User, worker: FakeModel) -> None:
    job = submit(owner, uploads={"file": upload(b"12345")}, text="x")
    runs.run_jobs("fakes")
    assert fresh(job).result == {"files": {"file": 5}, "values": {"text": "x"}}


def test_a_refused_input_fails_with_its_code(owner: User, worker: FakeModel) -> None:
    job = submit(owner, "refuse")
    runs.run_jobs("fakes")
    row = fresh(job)
    assert row.error is not None
    assert (row.state, row.error["code"], row.error["detail"], row.attempts) == (State.FAILED, "no_face", "There is nobody in it.", 1)


@pytest.mark.parametrize("operation", ["fail", "not_a_number"])
def test_our_own_fault_is_an_internal_error_without_trace_or_path(owner: User, worker: FakeModel, operation: str) -> None:
    job, next_job = submit(owner, operation), submit(owner)
    runs.run_jobs("fakes")
    error = fresh(job).error
    assert error is not None
    assert error["code"] == "internal_error"
    assert "/secret" not in str(error)
    assert fresh(next_job).state == State.SUCCEEDED


def test_the_first_claim_passes_the_baton_when_more_rows_wait(owner: User, worker: FakeModel, wakened: list[str]) -> None:
    submit(owner)
    submit(owner)
    runs.run_jobs("fakes")
    assert wakened == ["fakes"]


def test_a_single_job_passes_no_baton(owner: User, worker: FakeModel, wakened: list[str]) -> None:
    submit(owner)
    runs.run_jobs("fakes")
    assert wakened == []


def test_a_drain_over_its_time_ends_after_its_job_and_wakes_its_successor(
    owner: User, worker: FakeModel, wakened: list[str], settings: Any
) -> None:
    settings.DRAIN_SECONDS = -1.0
    jobs = [submit(owner), submit(owner)]
    runs.run_jobs("fakes")
    assert [fresh(job).state for job in jobs] == [State.SUCCEEDED, State.QUEUED]
    assert wakened == ["fakes", "fakes"]


def test_a_child_that_was_told_to_stop_claims_nothing(owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    job = submit(owner)
    monkeypatch.setattr(type(this_child), "stopping", True)
    runs.run_jobs("fakes")
    assert fresh(job).state == State.QUEUED


def test_a_child_whose_completion_is_refused_claims_nothing_more(owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    stolen, next_job = submit(owner, "sleep"), submit(owner)

    def steal(run: Any) -> dict[str, Any]:
        Job.objects.filter(pk=run.job.pk).update(lease="another", life="another")
        return {}

    monkeypatch.setattr(worker, "sleep", steal)
    runs.run_jobs("fakes")
    assert (fresh(stolen).state, fresh(stolen).lease, fresh(next_job).state) == (State.RUNNING, "another", State.QUEUED)


def test_what_runs_under_my_life_and_pid_when_a_drain_begins_is_released_and_run(
    owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(owner)
    assert Job.objects.claim("fakes", this_child.claimant()) is not None  # its answer was lost
    runs.run_jobs("fakes")
    assert (fresh(job).state, fresh(job).attempts, fresh(job).losses) == (State.SUCCEEDED, 2, 0)


def test_what_another_child_runs_is_left_alone(owner: User, worker: FakeModel) -> None:
    submit(owner)
    other = Job.objects.claim("fakes", ME)
    assert other is not None
    runs.run_jobs("fakes")
    assert fresh(other).state == State.RUNNING


def test_a_result_outlives_a_database_that_is_away_for_a_while(owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    job = submit(owner)
    end, failures = Job.end, [OperationalError("database is locked")] * 2
    monkeypatch.setattr(runs, "RETRY_SECONDS", 0.0)

    def unlucky(self: Job, *arguments: Any, **named: Any) -> str | None:
        if failures:
            raise failures.pop()
        return end(self, *arguments, **named)

    monkeypatch.setattr(Job, "end", unlucky)
    runs.run_jobs("fakes")
    assert fresh(job).state == State.SUCCEEDED


def test_a_commit_whose_answer_was_lost_counts_once(owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    job, next_job = submit(owner), submit(owner)
    end, lost = Job.end, [True]
    monkeypatch.setattr(runs, "RETRY_SECONDS", 0.0)

    def deaf(self: Job, *arguments: Any, **named: Any) -> str | None:
        state = end(self, *arguments, **named)
        if lost:
            lost.pop()
            raise OperationalError("connection lost")
        return state

    monkeypatch.setattr(Job, "end", deaf)
    runs.run_jobs("fakes")
    assert [fresh(row).state for row in (job, next_job)] == [State.SUCCEEDED] * 2


def test_what_follows_from_a_commit_whose_answer_was_lost_happens_once(
    owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit itself raises, after it was done."""
    job, commit, lost = submit(owner, "save", text="once"), Atomic.__exit__, [True]
    monkeypatch.setattr(runs, "RETRY_SECONDS", 0.0)

    def deaf(self: Atomic, kind: Any, *error: Any) -> None:
        commit(self, kind, *error)
        if lost and self.savepoint and kind is None and fresh(job).state == State.SUCCEEDED:
            lost.pop()
            raise OperationalError("connection lost")

    EFFECTS.clear()
    monkeypatch.setattr(Atomic, "__exit__", deaf)
    runs.run_jobs("fakes")
    assert (fresh(job).state, fresh(job).attempts, fresh(job).losses) == (State.SUCCEEDED, 1, 0)
    assert (lost, EFFECTS, fresh(job).files.count()) == ([], [(str(job.pk), {"saved": 4})], 1)
    with fresh(job).files.get().open() as file:
        assert file.read() == b"once"


def test_saved_files_belong_to_the_job_and_those_of_a_failure_are_gone(owner: User, worker: FakeModel, own_files: Any) -> None:
    job = submit(owner, "save", text="hello")
    runs.run_jobs("fakes")
    saved = fresh(job).files.get()
    with saved.open() as file:
        assert (saved.name, saved.content_type, file.read()) == ("note.txt", "text/plain", b"hello")


def test_warnings_of_a_result_become_the_jobs(owner: User, worker: FakeModel) -> None:
    job = submit(owner, warnings=[{"code": "blurry", "detail": "A little."}])
    runs.run_jobs("fakes")
    assert fresh(job).warnings == [{"code": "blurry", "detail": "A little."}]


def test_an_effect_that_can_never_be_written_is_our_fault_once(owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    job, next_job = submit(owner), submit(owner)

    def broken(job: Job, result: dict[str, Any]) -> None:
        if not next_job.pk == job.pk:
            raise KeyError("gallery")

    monkeypatch.setitem(job.facts.__dict__, "on_success", broken)
    runs.run_jobs("fakes")
    row = fresh(job)
    assert row.error is not None
    assert (row.state, row.error["code"], row.attempts) == (State.FAILED, "internal_error", 1)
    assert fresh(next_job).state == State.SUCCEEDED


def test_two_files_of_one_name_are_our_fault_once(owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    job = submit(owner, "save")

    def twice(run: Any) -> dict[str, Any]:
        for _ in range(2):
            run.save("same.txt", io.BytesIO(b"x"))
        return {}

    monkeypatch.setattr(worker, "save", twice)
    runs.run_jobs("fakes")
    row = fresh(job)
    assert row.error is not None
    assert (row.state, row.error["code"], row.attempts) == (State.FAILED, "internal_error", 1)


def test_a_database_that_is_away_while_a_model_runs_costs_a_loss_and_not_the_job(
    owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, locked = submit(owner, "sleep"), [OperationalError("database is locked")]
    progress = runs.JobRun.progress

    def unlucky(self: runs.JobRun, fraction: float, step: str = "") -> None:
        if locked:
            raise locked.pop()
        progress(self, fraction, step)

    monkeypatch.setattr(runs.JobRun, "progress", unlucky)
    runs.run_jobs("fakes")
    assert (fresh(job).state, fresh(job).losses, fresh(job).attempts) == (State.SUCCEEDED, 1, 2)


def test_an_end_that_somebody_else_wrote_is_not_mine(owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    ended, next_job = submit(owner, "sleep"), submit(owner)

    def lost_meanwhile(run: Any) -> dict[str, Any]:
        Job.objects.get(pk=run.job.pk).fail(Code.WORKER_LOST, "lost")
        return {}

    monkeypatch.setattr(worker, "sleep", lost_meanwhile)
    runs.run_jobs("fakes")
    assert (fresh(ended).state, fresh(next_job).state) == (State.FAILED, State.QUEUED)


def test_a_drain_that_breaks_off_leaves_no_job_behind_as_running(owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    job = submit(owner)

    def locked(self: Any, kind: str) -> bool:
        raise OperationalError("database is locked")

    monkeypatch.setattr(type(Job.objects.all()), "waiting", locked)
    with pytest.raises(OperationalError):
        runs.run_jobs("fakes")
    assert (fresh(job).state, fresh(job).losses) == (State.QUEUED, 0)


def test_a_job_whose_lease_the_parent_has_taken_is_not_released_by_the_child(owner: User, worker: FakeModel) -> None:
    job = submit(owner)
    claimed = Job.objects.claim("fakes", this_child.claimant())
    assert claimed is not None
    Job.objects.filter(pk=job.pk).update(lease="the parent's", stopping="timeout")
    runs.run_jobs("fakes")
    assert (fresh(job).state, fresh(job).lease) == (State.RUNNING, "the parent's")


def rising(error: BaseException) -> Any:
    def rise(run: Any, **_: Any) -> dict[str, Any]:
        raise error

    return rise


def test_a_model_that_leaves_its_process_costs_a_loss_each_time(owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    job = submit(owner)
    monkeypatch.setattr(runs, "STOP_IS_HEARD_SECONDS", 0.0)
    monkeypatch.setattr(worker, "echo", rising(SystemExit(3)))
    for losses in range(1, 11):
        with pytest.raises(SystemExit):
            runs.run_jobs("fakes")
        assert fresh(job).losses == losses
    error = fresh(job).error
    assert error is not None
    assert error["code"] == "worker_lost"


def test_a_worker_that_is_asked_to_end_in_the_middle_of_a_job_charges_nobody(
    owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM to a whole process group reaches the child first."""
    job = submit(owner)
    monkeypatch.setattr(worker, "echo", rising(SystemExit(0)))
    monkeypatch.setattr(runs, "STOP_IS_HEARD_SECONDS", 0.0)
    asked = iter([False, True, True, True, True])
    monkeypatch.setattr(type(this_child), "stopping", property(lambda self: next(asked)))
    with pytest.raises(SystemExit):
        runs.run_jobs("fakes")
    assert (fresh(job).state, fresh(job).losses) == (State.QUEUED, 0)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), asyncio.CancelledError(), BaseException("a Rust panic")])
def test_whatever_else_rises_in_a_model_is_an_internal_error(
    owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    job, next_job = submit(owner), submit(owner, "sleep")
    monkeypatch.setattr(worker, "echo", rising(error))
    runs.run_jobs("fakes")
    assert [fresh(job).state, fresh(next_job).state] == [State.FAILED, State.SUCCEEDED]


def test_a_refusal_that_cannot_be_written_is_our_fault_once(owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    job = submit(owner)
    monkeypatch.setattr(worker, "echo", rising(InvalidInput(Code.NO_FACE, b"bytes")))  # type: ignore[arg-type]  # that is the fault
    runs.run_jobs("fakes")
    row = fresh(job)
    assert row.error is not None
    assert (row.state, row.error["code"], row.attempts) == (State.FAILED, "internal_error", 1)


def test_half_a_character_in_a_result_is_our_fault_and_spoils_no_list(
    owner: User, worker: FakeModel, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(owner)
    monkeypatch.setattr(worker, "echo", lambda run: {"text": "\ud800"})
    runs.run_jobs("fakes")
    assert fresh(job).state == State.FAILED
    assert client.get("/api/v1/jobs").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_what_fails_after_the_commit_takes_nothing_back(
    owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch, own_files: Any
) -> None:
    """Neither the end nor the claim of the next job, which stand in one transaction."""
    jobs = [submit(owner, "save", text="kept") for _ in range(2)]

    def rise(job: str) -> None:
        raise ValueError("an error that nobody thought of")

    monkeypatch.setattr("tasks.wakeups.announce", rise)
    runs.run_jobs("fakes")
    for job in jobs:
        with fresh(job).files.get().open() as file:
            assert (fresh(job).state, fresh(job).attempts, file.read()) == (State.SUCCEEDED, 1, b"kept")


def test_the_next_job_is_claimed_with_the_end_of_the_one_before(owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that has run a job is fresh no more, also for the claim in the middle of its first."""
    first, second = submit(owner), submit(owner)
    together: list[bool] = []
    claim = type(Job.objects.all()).claim

    def watched(self: Any, kind: str, claimant: Claimant, *, with_end: bool = False) -> Job | None:
        together.append(with_end)
        return claim(self, kind, claimant, with_end=with_end)

    monkeypatch.setattr(type(Job.objects.all()), "claim", watched)
    monkeypatch.setattr(this_child, "fresh", True)
    runs.run_jobs("fakes")
    assert together == [False, True, True, False]  # the last two find nobody
    assert [fresh(job).fresh_child for job in (first, second)] == [True, False]


def test_an_end_that_is_rolled_back_takes_the_next_claim_with_it(owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    job, next_job = submit(owner), submit(owner)
    commit, locked = Atomic.__exit__, [True]
    monkeypatch.setattr(runs, "RETRY_SECONDS", 0.0)

    def unlucky(self: Atomic, kind: Any, *error: Any) -> None:
        if locked and self.savepoint and kind is None and fresh(next_job).state == State.RUNNING:
            locked.pop()
            error_of_commit = OperationalError("database is locked")
            commit(self, OperationalError, error_of_commit, None)
            raise error_of_commit
        commit(self, kind, *error)

    monkeypatch.setattr(Atomic, "__exit__", unlucky)
    runs.run_jobs("fakes")
    assert locked == []
    assert [(fresh(row).state, fresh(row).attempts) for row in (job, next_job)] == [(State.SUCCEEDED, 1)] * 2


def test_a_step_with_a_long_name_fails_nobody(owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    job = submit(owner)

    def talkative(run: Any) -> dict[str, Any]:
        run.progress(0.5, "x" * 500)
        return {}

    monkeypatch.setattr(worker, "echo", talkative)
    runs.run_jobs("fakes")
    assert (fresh(job).state, fresh(job).progress_step) == (State.SUCCEEDED, "x" * 80)


def test_what_a_model_hands_over_reaches_the_effect_and_is_stored_nowhere(
    owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, seen = submit(owner), []
    monkeypatch.setitem(job.facts.__dict__, "on_success", lambda job, result: seen.append((job.effects, result)))
    monkeypatch.setattr(worker, "echo", lambda run: {"found": 1, "effects": b"secret"})
    runs.run_jobs("fakes")
    assert seen == [(b"secret", {"found": 1})]
    assert fresh(job).result == {"found": 1}


def test_an_effect_may_refuse_the_input(owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    job = submit(owner)

    def gone(job: Job, result: dict[str, Any]) -> None:
        raise InvalidInput(Code.PERSON_GONE)

    monkeypatch.setitem(job.facts.__dict__, "on_success", gone)
    runs.run_jobs("fakes")
    row = fresh(job)
    assert row.error is not None and row.result is None
    assert (row.state, row.error["code"], row.attempts) == (State.FAILED, "person_gone", 1)


def test_an_answer_that_was_overtaken_is_made_again_at_nobodys_cost(
    owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, tries = submit(owner), []

    def once_too_late(job: Job, result: dict[str, Any]) -> None:
        tries.append(result)
        if len(tries) == 1:
            raise Outdated

    monkeypatch.setitem(job.facts.__dict__, "on_success", once_too_late)
    runs.run_jobs("fakes")
    row = fresh(job)
    assert (row.state, row.attempts, row.crashes, row.losses, len(tries)) == (State.SUCCEEDED, 1, 0, 0, 2)


def test_a_private_file_is_neither_listed_nor_served_nor_anothers_input(
    owner: User, client: Client, worker: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(owner)

    def private(run: Any) -> dict[str, Any]:
        run.save("probe.bin", io.BytesIO(b"x"), private=True)
        return {}

    monkeypatch.setattr(worker, "echo", private)
    runs.run_jobs("fakes")
    url = f"/api/v1/jobs/{job.pk}/files/probe.bin"
    assert client.get(f"/api/v1/jobs/{job.pk}").json()["files"] == []
    assert client.get(url).status_code == 404
    assert client.post("/api/v1/fakes/echo", {"file": url}, content_type="application/json").status_code == 400
    assert fresh(job).files.count() == 1
