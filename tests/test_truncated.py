"""What only the worker can see becomes a failed job with its code."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tasks import runs, wakeups
from tasks.inference.model import Run
from tasks.inference.pictures import open_picture
from tests.fakes.inference.model import FakeModel
from tests.pictures import picture
from tests.tasks.jobs import play_child

pytestmark = pytest.mark.django_db


def test_a_truncated_jpeg_is_a_failed_job_with_its_code(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeups, "wake", lambda kind: True)
    monkeypatch.setattr(wakeups, "announce", lambda job: None)

    class Decoding(FakeModel):
        def echo(self, run: Run, **arguments: Any) -> dict[str, Any]:
            return {"size": open_picture(arguments["image"], 2000).image.size}

    play_child(monkeypatch, Decoding(), "fakes@here")
    whole = picture(size=(640, 480), quality=95)
    answer = client.post("/api/v1/fakes/echo", {"image": SimpleUploadedFile("half.jpg", whole[: len(whole) // 2])})
    assert answer.status_code == 202
    runs.run_jobs("fakes")
    job = client.get(answer["Location"]).json()
    assert (job["state"], job["error"]["code"], job["error"]["status"]) == ("failed", "truncated_image", 400)
