"""Jobs for the engine's tests: submitted without a view, run without Celery."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from fitsize.models import User
from tasks import runs
from tasks.inference.model import InferenceModel
from tasks.kinds import kinds
from tasks.models import Claimant, Job, Priority
from tasks.uploads import Upload
from tasks.worker import this_child
from tests.fakes.inference.model import FakeModel

ME = Claimant(worker="fakes@here", life="my-life", pid=1, fresh=True)


def upload(content: bytes = b"content") -> Upload:
    return Upload(io.BytesIO(content), len(content), "application/octet-stream")


def submit(
    owner: User,
    operation: str = "echo",
    uploads: dict[str, Upload] | None = None,
    priority: Priority = Priority.INTERACTIVE,
    expires_in: float | None = None,
    keep_input: bool = True,
    callback_url: str = "",
    **parameters: Any,
) -> Job:
    return Job.objects.submit(
        owner_id=owner.pk,
        kind=kinds()["fakes"],
        operation=operation,
        parameters=parameters,
        uploads=uploads or {},
        units=1.0,
        priority=priority,
        expires_in=expires_in,
        keep_input=keep_input,
        callback_url=callback_url,
    )


def claimed(owner: User, operation: str = "echo", claimant: Claimant = ME, **parameters: Any) -> Job:
    submit(owner, operation, **parameters)
    job = Job.objects.claim("fakes", claimant)
    assert job is not None
    return job


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def play_child(monkeypatch: pytest.MonkeyPatch, model: InferenceModel, name: str) -> None:
    """This process plays the child of the worker of this name."""
    monkeypatch.setattr(runs, "close_old_connections", lambda: None)  # it would close the connection that holds the test's transaction
    monkeypatch.setattr(this_child, "model", model)
    monkeypatch.setattr(this_child, "life", "my-life")
    monkeypatch.setattr(this_child, "name", name)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    model = FakeModel()
    model.load()
    play_child(monkeypatch, model, "fakes@here")
    return model


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
