"""The old diarization client, as `contracts/legacy-clients.md` section 4 describes what it sends and reads."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tasks.errors import Code, warning
from tasks.models import Claimant, Job, Worker, WorkerState
from tasks.waiting import FRONT, HOLD
from tests.diarization.hearing import Hearing, hearing, work
from tests.diarization.sounds import encoded, noise, tone, wav

__all__ = ["hearing"]
pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/diarize"
ME = Claimant(worker="diarization@here", life="my-life", pid=1, fresh=True)


@pytest.fixture(autouse=True)
def let_in(settings: Any) -> None:
    settings.LEGACY_CLIENTS = ["diarization-client"]


def send(front: str | None = "", content: bytes | None = None, /, **fields: str) -> Any:
    """Without a key. `front`: "" in a first pass, a job in a second, None without."""
    environ: Any = {} if front is None else {FRONT: front}
    body = {"audio": SimpleUploadedFile("call.wav", wav(tone(1)) if content is None else content), **fields}
    return Client().post(ADDRESS, {} if front else body, **environ)


def answered(**fields: str) -> dict[str, Any]:
    """Both passes, with the worker between them."""
    job = send(**fields)[HOLD].split()[0]
    work()
    answer = send(job)
    assert answer.status_code == 200, answer.content
    said: dict[str, Any] = answer.json()
    return said


def ended(result: dict[str, Any], warnings: list[dict[str, Any]] | None = None, /, **fields: str) -> dict[str, Any]:
    """The answer to a job with this result."""
    job = send(**fields)[HOLD].split()[0]
    claimed = Job.objects.claim("diarization", ME)
    assert claimed is not None
    claimed.end("succeeded", result=result, warnings=warnings or [])
    said: dict[str, Any] = send(job).json()
    return said


def test_the_answer_holds_what_the_old_one_held(hearing: Hearing) -> None:
    said = answered()
    assert list(said) == [
        *("success", "request_time", "processing_time", "speakers", "segments", "total_segments", "device_used"),
    ]
    assert (said["success"], said["speakers"], said["total_segments"]) == (True, ["SPEAKER_00", "SPEAKER_01"], 2)
    assert said["segments"][0] == {"start": 0.4, "end": 3.5, "speaker": "SPEAKER_00"}
    assert said["device_used"] == "cpu" and 0 <= said["processing_time"] <= said["request_time"] < 60
    assert Job.objects.get().owner.username == "old-clients"


def test_the_model_hears_nothing_of_what_only_the_old_server_had(hearing: Hearing) -> None:
    answered(use_mps="true", batch_size="8", timeout="120", model="large")
    assert hearing.calls == [("predict", {})]


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ({}, 600),
        ({"timeout": "45"}, 45),
        ({"timeout": "3600"}, 600),
        ({"timeout": ""}, 600),
        ({"timeout": "45.0"}, 45),
        ({"timeout": "9" * 400}, 600),
    ],
)
def test_it_waits_as_long_as_it_says_and_ten_minutes_at_most(sent: dict[str, str], seconds: int) -> None:
    assert send(**sent)[HOLD].split()[1] == str(seconds)
    job = Job.objects.get()
    assert job.expires_at is not None and round((job.expires_at - job.created_at).total_seconds()) == seconds


@pytest.mark.parametrize("fields", [{"timeout": "0"}, {"timeout": "soon"}, {"batch_size": "0"}, {"use_mps": "perhaps"}])
def test_a_wish_that_makes_no_sense_is_refused(fields: dict[str, str]) -> None:
    assert send(**fields).status_code == 400 and not Job.objects.exists()


def test_an_accelerator_is_refused_with_a_warning(hearing: Hearing) -> None:
    said = answered(use_mps="true")
    assert said["device_used"] == "cpu" and said["warnings"][0].startswith("use_mps was refused")
    assert "fallback_cpu" not in said and "warnings" not in answered(use_mps="false")


def test_a_worker_that_has_one_says_so(hearing: Hearing) -> None:
    said = ended({**hearing.answer("", None, {}), "device": "mps"}, use_mps="true")
    assert said["device_used"] == "mps" and "warnings" not in said


def test_a_fallback_to_the_cpu_is_told_with_its_reason(hearing: Hearing) -> None:
    fallback = {"from": "cuda", "to": "cpu", "reason": "out of memory", "tries": []}
    said = ended({**hearing.answer("", None, {}), "fallback": fallback})
    assert (said["fallback_cpu"], said["fallback_reason"]) == (True, "out of memory")


def test_another_pipeline_is_no_fallback_to_the_cpu(hearing: Hearing) -> None:
    fallback = {"from": "pyannote", "to": "offline", "reason": "no weights", "tries": []}
    assert "fallback_cpu" not in ended({**hearing.answer("", None, {}), "fallback": fallback})


def test_warnings_of_the_job_are_told(hearing: Hearing) -> None:
    silent = {**hearing.answer("", None, {}), "turns": [], "speakers": []}
    said = ended(silent, [warning("no_speech", "No speech was found, so there are no turns.")])
    assert (said["segments"], said["total_segments"], said["speakers"]) == ([], 0, [])
    assert said["warnings"] == ["No speech was found, so there are no turns."]


FILES = [("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("ipod", "aac"), ("flac", "flac"), ("adts", "aac"), ("ogg", "libopus")]


@pytest.mark.parametrize(("container", "codec"), FILES)
def test_every_format_of_the_old_server_is_taken(container: str, codec: str) -> None:
    assert HOLD in send("", encoded(noise(2), container, codec, rate=48_000, layout="mono"))


def test_what_is_no_recording_is_refused_at_once() -> None:
    answer = send("", b"no recording at all")
    assert (answer.status_code, answer.json()["code"]) == (400, "unsupported_format")


def test_a_recording_that_only_the_worker_can_refuse_is_the_clients_fault() -> None:
    job = send()[HOLD].split()[0]
    claimed = Job.objects.claim("diarization", ME)
    assert claimed is not None
    claimed.fail(Code.INVALID_AUDIO, "The file holds no sound track.")
    answer = send(job)
    assert (answer.status_code, answer.json()["detail"]) == (400, "The file holds no sound track.")


def test_when_its_time_is_over_the_job_is_canceled() -> None:
    job = send(timeout="1")[HOLD].split()[0]
    answer = send(job)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert Job.objects.get().state == "canceled"


def test_what_the_service_can_do_is_told_without_a_job() -> None:
    answer = Client().get(f"{ADDRESS}/info")
    assert answer.status_code == 200
    assert answer.json()["supported_formats"] == ["wav", "mp3", "m4a", "flac", "aac", "ogg"]
    assert (answer.json()["max_file_size_mb"], answer.json()["default_batch_size"], answer.json()["default_timeout"]) == (500, 16, 600)


@pytest.mark.parametrize(("state", "status", "said"), [(WorkerState.READY, 200, "healthy"), (WorkerState.LOADING, 503, "unhealthy")])
def test_it_is_healthy_while_a_worker_is_ready(state: WorkerState, status: int, said: str) -> None:
    Worker.objects.create(name="diarization@here", kind="diarization", state=state, life="my-life", pid=1)
    answer = Client().get("/health")
    assert (answer.status_code, answer.json()["status"]) == (status, said)


def test_without_a_worker_it_is_not() -> None:
    answer = Client().get("/health")
    assert (answer.status_code, answer.json(), answer["Retry-After"]) == (503, {"status": "unhealthy", "model": "down"}, "5")


@pytest.mark.parametrize(("method", "address"), [("post", ADDRESS), ("get", f"{ADDRESS}/info"), ("get", "/health")])
def test_without_its_client_there_is_nothing_at_its_addresses(settings: Any, method: str, address: str) -> None:
    settings.LEGACY_CLIENTS = []
    assert getattr(Client(), method)(address).status_code == 404
