"""The blocking baseline answers as it should, on the real models."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.blocking.server import Baseline
from benchmarks.inputs import write_inputs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder, seconds=10)
    return folder


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Baseline]:
    with Baseline(tmp_path_factory.mktemp("baseline"), workers=1, threads=2) as baseline:
        yield baseline


def ended(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    job = answer.json()
    assert (job["state"], set(job["timings_ms"])) == ("succeeded", {"queued", "run"})
    return job["result"]


def form(baseline: Baseline, path: str, files: dict[str, Path], **fields: str) -> httpx.Response:
    return baseline.http.post(f"/api/v1/{path}", files={role: file.read_bytes() for role, file in files.items()}, data=fields)


def test_a_garment_is_measured_by_a_process_of_its_own(baseline: Baseline, files: Path) -> None:
    image = base64.b64encode((files / "garment.jpg").read_bytes()).decode()
    answer = baseline.http.post("/api/v1/keypoints", json={"image": image, "clothing": "short_sleeve_top"})
    [chest] = [length for length in ended(answer)["measurements"] if length["name"] == "chest_width"]
    assert chest["value_cm"] > 30


def test_a_selfie_is_judged_and_compared_in_the_web_process(baseline: Baseline, files: Path) -> None:
    judged = ended(form(baseline, "faces/validate", {"selfie": files / "selfie.jpg"}))
    assert judged["verdict"] == "usable"
    compared = ended(form(baseline, "faces/verify", {"selfie": files / "selfie.jpg", "reference": files / "reference.jpg"}))
    assert compared["verdict"] == "match"


def test_a_recording_is_heard_in_the_web_process(baseline: Baseline, files: Path) -> None:
    heard = ended(form(baseline, "diarization", {"audio": files / "recording.wav"}, num_speakers="2"))
    assert heard["asked"]["num_speakers"] == 2
    assert heard["turns"]


def test_what_cannot_be_used_is_refused_and_crashes_nothing(baseline: Baseline) -> None:
    nothing = baseline.http.post("/api/v1/faces/validate", json={})
    text = baseline.http.post("/api/v1/faces/validate", json={"selfie": "bm8gcGljdHVyZQ=="})
    garbled = baseline.http.post("/api/v1/keypoints", content=b"{")
    said = [(answer.status_code, answer.json()["error"]["code"]) for answer in (nothing, text, garbled)]
    assert said == [(422, "invalid_request"), (422, "invalid_image"), (422, "invalid_request")]
    assert baseline.http.get("/api/v1/keypoints").status_code == 404
    assert baseline.crashes == 0
