"""What is sealed opens with its key, for its ids alone; and the sealed files of jobs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from fitsize.models import User
from tasks import runs
from tasks.models import Job
from tasks.sealing import Unreadable, master_opened, master_sealed, opened, sealed
from tests.fakes.inference.model import FakeModel
from tests.tasks.jobs import fresh, submit

KEY = b"k" * 32
VOICE = b"the numbers of a voice" * 100


def test_what_is_sealed_opens_with_its_key_and_ids_alone() -> None:
    person, template = uuid4(), uuid4()
    box = sealed(KEY, b"numbers", person, template)
    assert opened(KEY, box, person, template) == b"numbers" and b"numbers" not in box
    for key, ids in [(b"x" * 32, (person, template)), (KEY, (template, person)), (KEY, (person, uuid4()))]:
        with pytest.raises(Unreadable):
            opened(key, box, *ids)


def test_the_same_content_is_never_sealed_alike() -> None:
    assert sealed(KEY, b"same", uuid4()) != sealed(KEY, b"same", uuid4())


def test_a_box_opens_with_every_master_key_that_is_left(settings: Settings) -> None:
    pk = uuid4()
    settings.SEAL_KEYS = {"old": b"o" * 32}
    box = master_sealed(b"numbers", pk)
    settings.SEAL_KEYS = {"new": b"n" * 32, "old": b"o" * 32}
    assert master_opened(box, pk) == b"numbers" and b"new" in master_sealed(b"", pk)
    settings.SEAL_KEYS = {"new": b"n" * 32}
    with pytest.raises(Unreadable):
        master_opened(box, pk)


@pytest.mark.parametrize("box", [b"", b"FSS1", b"FSS1\xff", b"FSS1\x01", b"PK\x03\x04 something else", b"\xff" * 40])
def test_what_is_no_box_does_not_open(box: bytes) -> None:
    with pytest.raises(Unreadable):
        master_opened(box, uuid4())


def test_a_box_does_not_open_for_another_or_once_it_is_damaged() -> None:
    pk = uuid4()
    box = master_sealed(b"numbers", pk)
    for other, content in [(uuid4(), box), (pk, box[:-1]), (pk, box[:-1] + bytes([box[-1] ^ 1]))]:
        with pytest.raises(Unreadable):
            master_opened(content, other)


@pytest.fixture
def job(owner: User, worker: FakeModel, monkeypatch: pytest.MonkeyPatch) -> Job:
    """It has saved a voice, sealed and private."""

    def listen(run: Any) -> dict[str, Any]:
        run.save("voice", io.BytesIO(VOICE), private=True, sealed=True)
        return {}

    monkeypatch.setattr(worker, "echo", listen)
    made = submit(owner)
    runs.run_jobs("fakes")
    return fresh(made)


def test_a_copy_of_the_stored_files_shows_nothing_of_a_sealed_one(job: Job, own_files: Path) -> None:
    stored = [path.read_bytes() for path in own_files.rglob("*") if path.is_file()]
    assert len(stored) == 1 and not any(VOICE[start : start + 4] in stored[0] for start in range(20))


def test_the_kinds_own_code_reads_what_was_sealed(job: Job) -> None:
    with job.open_saved("voice") as file:
        assert file.read() == VOICE
    saved = job.files.get()
    assert (saved.size, saved.sealed, saved.private) == (len(VOICE), True, True)


def test_a_sealed_file_is_gone_with_its_job(job: Job, own_files: Path, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job.erase()
    assert [path for path in own_files.rglob("*") if path.is_file()] == []
    with pytest.raises(FileNotFoundError):
        job.open_saved("voice")


def test_a_sealed_file_of_another_job_does_not_open(job: Job, owner: User) -> None:
    other = submit(owner)
    job.files.update(job=other)
    with pytest.raises(Unreadable):
        other.open_saved("voice")


def test_a_sealed_file_is_served_as_it_was_saved_unless_its_key_has_gone(job: Job, client: Client, settings: Settings) -> None:
    job.files.update(private=False)
    url = f"/api/v1/jobs/{job.pk}/files/voice"
    assert b"".join(client.get(url).streaming_content) == VOICE  # type: ignore[attr-defined]
    settings.SEAL_KEYS = {"another": b"x" * 32}
    assert client.get(url).status_code == 404
