"""One line for each change of a job's state, with the facts that find its neighbours."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from fitsize.models import User
from tasks import runs
from tasks.deaths import Death
from tasks.errors import Code
from tasks.models import Job, State
from tests.fakes.inference.model import FakeModel
from tests.tasks.jobs import claimed, fresh, submit

pytestmark = pytest.mark.django_db


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == "tasks.models.jobs"]


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tasks")


def test_a_job_that_succeeds_is_queued_running_and_succeeded(owner: User, worker: FakeModel, caplog: pytest.LogCaptureFixture) -> None:
    job = submit(owner)
    runs.run_jobs("fakes")
    assert lines(caplog) == ["queued", "running", "succeeded"]
    facts = caplog.records[-1].__dict__
    assert {name: facts[name] for name in ("job", "kind", "worker", "life", "attempt")} == {
        "job": str(job.pk),
        "kind": "fakes",
        "worker": "fakes@here",
        "life": "my-life",
        "attempt": 1,
    }


def lost(job: Job) -> None:
    job.settle(Death("SIGSEGV"))


def refused(job: Job) -> None:
    job.fail(Code.NO_FACE, "")


def canceled(job: Job) -> None:
    job.release()
    fresh(job).cancel()


def late(job: Job) -> None:
    fresh(job).release()
    job.end(State.SUCCEEDED, result={})


def retried(job: Job) -> None:
    job.fail(Code.TIMEOUT, "")
    fresh(job).retry()


@pytest.mark.parametrize(
    ("happen", "said"),
    [
        (lost, ["queued"]),
        (refused, ["failed"]),
        (canceled, ["queued", "canceled"]),
        (late, ["queued", "refused"]),
        (retried, ["failed", "queued"]),
        (Job.erase, ["erased"]),
    ],
)
def test_every_other_way_has_its_line_too(
    owner: User, caplog: pytest.LogCaptureFixture, happen: Callable[[Job], None], said: list[str]
) -> None:
    job = claimed(owner)
    caplog.clear()
    happen(job)
    assert lines(caplog) == said


def test_a_crash_names_its_signal(owner: User, caplog: pytest.LogCaptureFixture) -> None:
    lost(claimed(owner))
    assert (caplog.records[-1].levelno, caplog.records[-1].__dict__["cause"]) == (logging.WARNING, "SIGSEGV")
