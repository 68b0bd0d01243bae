"""What crashed the model's process three times is refused for its owner."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from fitsize.models import User
from tasks.deaths import Death
from tasks.errors import Refused
from tasks.models import Job, Quarantine, State
from tests.tasks.jobs import ME, fresh, submit, upload

pytestmark = pytest.mark.django_db


def convicted(owner: User, content: bytes = b"poison", **parameters: Any) -> Job:
    job = submit(owner, uploads={"file": upload(content)}, **parameters)
    for _ in range(3):
        claimed = Job.objects.claim("fakes", ME)
        assert claimed is not None
        claimed.settle(Death("SIGSEGV"))
    assert fresh(job).state == State.FAILED
    return fresh(job)


def test_an_input_that_was_convicted_is_refused_for_its_owner(owner: User) -> None:
    job = convicted(owner)
    with pytest.raises(Refused) as refused:
        submit(owner, uploads={"file": upload(b"poison")})
    assert (refused.value.code, str(job.pk) in refused.value.detail) == ("input_quarantined", True)


def test_nothing_of_a_refused_request_is_stored(owner: User) -> None:
    convicted(owner)
    with pytest.raises(Refused):
        submit(owner, uploads={"file": upload(b"poison")})
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "operation", "parameters"),
    [(b"other", "echo", {}), (b"poison", "refuse", {}), (b"poison", "echo", {"text": "other"})],
    ids=["content", "operation", "parameters"],
)
def test_anything_else_of_the_same_owner_is_accepted(owner: User, content: bytes, operation: str, parameters: dict[str, Any]) -> None:
    convicted(owner)
    assert submit(owner, operation, uploads={"file": upload(content)}, **parameters).state == State.QUEUED


def test_another_owner_may_send_the_same(owner: User, stranger: User) -> None:
    convicted(owner)
    assert submit(stranger, uploads={"file": upload(b"poison")}).state == State.QUEUED


def test_another_model_version_may_be_tried(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = convicted(owner)
    monkeypatch.setitem(job.facts.__dict__, "model_version", "fake-2")
    assert submit(owner, uploads={"file": upload(b"poison")}).state == State.QUEUED


def test_after_a_week_the_input_is_accepted_again(owner: User) -> None:
    convicted(owner)
    assert Quarantine.objects.get().until - timezone.now() > timedelta(days=6.9)
    Quarantine.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert submit(owner, uploads={"file": upload(b"poison")}).state == State.QUEUED


def test_a_job_that_was_lost_or_timed_out_convicts_no_input(owner: User) -> None:
    job = submit(owner)
    for _ in range(10):
        claimed = Job.objects.claim("fakes", ME)
        assert claimed is not None
        claimed.settle(Death("SIGKILL"))
    assert (fresh(job).state, Quarantine.objects.count()) == (State.FAILED, 0)


def test_the_answer_to_a_convicted_input_is_a_problem_document(client: Client, owner: User) -> None:
    convicted(owner, text="poison")
    answer = client.post("/api/v1/fakes/echo", {"text": "poison", "file": upload(b"poison").file})
    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (422, "application/problem+json", "input_quarantined")


def test_an_operator_lists_and_releases_inputs(owner: User, capsys: pytest.CaptureFixture[str]) -> None:
    job = convicted(owner)
    call_command("quarantine", "list")
    assert str(job.pk) in capsys.readouterr().out
    call_command("quarantine", "release", str(job.pk))
    assert submit(owner, uploads={"file": upload(b"poison")}).state == State.QUEUED


def test_a_convicted_job_is_run_again_only_once_its_input_is_released(owner: User) -> None:
    job = convicted(owner)
    with pytest.raises(Refused) as refused:
        job.retry()
    assert refused.value.code == "input_quarantined"
    Quarantine.objects.all().release()
    job.retry()
    assert (fresh(job).state, fresh(job).crashes, fresh(job).error) == (State.QUEUED, 0, None)
