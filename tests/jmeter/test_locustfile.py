"""The scenario for Locust, which is not installed here: its few names are stood in for, the service answers as the API would."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import pytest

from tests.stack import ROOT

Answer = Callable[[httpx.Request], httpx.Response]
RESULTS = {
    "keypoints": {"measurements": [{"name": "chest_width"}]},
    "faces_validate": {"verdict": "usable"},
    "faces_verify": {"verdict": "match"},
    "diarization": {"turns": [{"start": 0.0}]},
}
FIELDS = {
    "keypoints": {"image", "clothing"},
    "faces_validate": {"selfie"},
    "faces_verify": {"selfie", "reference"},
    "diarization": {"audio"},
}


class Session:
    """What the scenario uses of Locust's HTTP client: requests by name, whose answer is a context in which it may be failed."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.answer: Answer = refused
        self.seen: list[str] = []
        self.failures: list[str] = []

    def post(self, address: str, **request: Any) -> Any:
        return self.ask("POST", address, **request)

    def get(self, address: str, **request: Any) -> Any:
        return self.ask("GET", address, **request)

    @contextmanager
    def ask(self, method: str, address: str, *, name: str, catch_response: bool, **request: Any) -> Iterator[Any]:
        assert catch_response
        self.seen.append(name)
        headers = {**self.headers, **request.pop("headers", {})}
        with httpx.Client(transport=httpx.MockTransport(self.answer), base_url="http://fitsize") as http:
            answer: Any = http.request(method, address, headers=headers, **request)
        answer.failure = self.failures.append
        yield answer


class Events:
    """Locust's hooks: listeners are kept, and what is fired is written down."""

    def __init__(self) -> None:
        self.fired: list[dict[str, Any]] = []
        self.request = SimpleNamespace(fire=lambda **facts: self.fired.append(facts))
        self.listeners: list[Any] = []
        self.quitting = self.init_command_line_parser = SimpleNamespace(add_listener=self.listen)

    def listen(self, listener: Any) -> Any:
        self.listeners.append(listener)
        return listener


class User:
    def __init__(self) -> None:
        self.client = Session()
        self.environment = SimpleNamespace(events=Events())


def refused(request: httpx.Request) -> httpx.Response:
    return httpx.Response(503, json={"code": "queue_full"})


def job(state: str, name: str = "keypoints", **more: Any) -> dict[str, Any]:
    result = RESULTS[name] if state == "succeeded" else None
    return {"state": state, "result": result, "links": {"self": "/api/v1/jobs/1"}, "timings_ms": {"queued": 12, "run": 345}, **more}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., ModuleType]:
    """The file as Locust reads it, with these environment variables."""
    for name in ("garment.jpg", "selfie.jpg", "reference.jpg", "recording.wav"):
        (tmp_path / name).write_bytes(name.encode())
    stand_in = ModuleType("locust")
    stand_in.__dict__.update(HttpUser=User, constant=lambda seconds: seconds, events=Events())
    monkeypatch.setitem(sys.modules, "locust", stand_in)

    def read(**environment: str) -> ModuleType:
        for name, value in {"FILES": str(tmp_path), "FITSIZE_KEY": "secret", **environment}.items():
            monkeypatch.setenv(name, value)
        spec = importlib.util.spec_from_file_location("jmeter.locustfile", ROOT / "jmeter" / "locustfile.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "jmeter.locustfile", module)
        spec.loader.exec_module(module)
        return module

    return read


def visit(scenario: ModuleType, name: str, answer: Answer) -> Any:
    visitor = scenario.Visitor()
    visitor.client.answer = answer
    visitor.on_start()
    visitor.run_job(name)
    return visitor


def recorded(visitor: Any) -> dict[str, str]:
    """The names that were fired, with what they failed with."""
    return {facts["name"]: str(facts["exception"] or "") for facts in visitor.environment.events.fired}


@pytest.mark.parametrize("name", list(RESULTS))
def test_each_operation_is_submitted_with_its_files_and_its_times_are_recorded(load: Callable[..., ModuleType], name: str) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        asked.append(request)
        return httpx.Response(200, json=job("succeeded", name))

    visitor = visit(load(), name, answer)
    [request] = asked
    assert (request.url.path, request.headers["Authorization"]) == (f"/api/v1/{name.replace('_', '/')}", "Bearer secret")
    assert {field for field in FIELDS[name] if f'name="{field}"'.encode() in request.content} == FIELDS[name]
    assert recorded(visitor) == {f"{name}: time to result": "", f"{name}: queued": "", f"{name}: run": ""}
    assert [facts["response_time"] for facts in visitor.environment.events.fired[1:]] == [12, 345]


@pytest.mark.parametrize(
    ("way", "prefers", "query"), [("prefer", "wait=20", "wait=20"), ("wait", None, "wait=20"), ("poll", None, "")], ids=str
)
def test_the_end_is_awaited_in_the_way_that_was_asked_for(
    load: Callable[..., ModuleType], way: str, prefers: str | None, query: str
) -> None:
    asked: list[httpx.Request] = []
    states = iter(["queued", "running", "succeeded"])

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(202 if request.method == "POST" else 200, json=job(next(states)), headers={"Retry-After": "0"})

    visitor = visit(load(WAY=way), "keypoints", answer)
    assert asked[0].headers.get("Prefer") == prefers
    assert [request.url.query.decode() for request in asked[1:]] == [query, query]
    assert visitor.client.seen == ["keypoints: submit", "keypoints: wait", "keypoints: wait"]


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (job("failed", error={"code": "worker_crashed"}), "failed: worker_crashed"),
        (job("expired"), "expired: "),
        (job("succeeded", result={"measurements": []}), "a result without measurements"),
    ],
    ids=["failed", "expired", "empty"],
)
def test_a_job_without_its_result_is_a_failed_time_to_result(load: Callable[..., ModuleType], ended: dict[str, Any], said: str) -> None:
    visitor = visit(load(), "keypoints", lambda request: httpx.Response(200, json=ended))
    assert recorded(visitor) == {"keypoints: time to result": said}


def test_a_job_that_does_not_end_is_given_up(load: Callable[..., ModuleType]) -> None:
    visitor = visit(load(PATIENCE="0"), "keypoints", lambda request: httpx.Response(202, json=job("queued")))
    assert recorded(visitor) == {"keypoints: time to result": "still queued after 0 s"}


def test_a_look_that_fails_ends_the_wait(load: Callable[..., ModuleType]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(202, json=job("queued")) if request.method == "POST" else httpx.Response(500)

    visitor = visit(load(), "keypoints", answer)
    assert recorded(visitor) == {"keypoints: time to result": "a look at the job failed"}
    assert visitor.client.failures == ["status 500"]


def test_a_refused_submit_is_a_failure_and_no_job(load: Callable[..., ModuleType]) -> None:
    visitor = visit(load(), "keypoints", refused)
    assert (recorded(visitor), visitor.client.failures) == ({}, ["status 503"])


def test_weights_choose_among_the_operations(load: Callable[..., ModuleType]) -> None:
    assert sorted(Counter(load().Visitor.tasks).values()) == [1, 2, 3, 4]
    tasks = load(WEIGHTS="diarization=7").Visitor.tasks
    visitor = load().Visitor()
    visitor.client.answer = lambda request: httpx.Response(200, json=job("succeeded", "diarization"))
    tasks[0](visitor)
    assert (len(tasks), visitor.client.seen) == (7, ["diarization: submit"])
    with pytest.raises(ValueError, match="there is no 'hats'"):
        load(WEIGHTS="hats=1")


def entry(requests: int, failures: int = 0) -> SimpleNamespace:
    return SimpleNamespace(num_requests=requests, num_failures=failures)


@pytest.mark.parametrize(
    ("submits", "results", "code"),
    [(entry(5), entry(5, 1), None), (entry(6, 1), entry(5), None), (entry(6), entry(5), 1), (entry(2, 2), entry(0), 1)],
    ids=["all seen", "one refused", "one unseen", "none accepted"],
)
def test_a_job_that_nobody_saw_end_fails_the_run(
    load: Callable[..., ModuleType], submits: SimpleNamespace, results: SimpleNamespace, code: int | None
) -> None:
    entries = {("keypoints: submit", "POST"): submits, ("keypoints: time to result", "JOB"): results, ("keypoints: run", "JOB"): entry(9)}
    environment = SimpleNamespace(stats=SimpleNamespace(entries=entries), process_exit_code=None)
    load().account(environment=environment)
    assert environment.process_exit_code == code


def test_thirty_users_come_five_a_second(load: Callable[..., ModuleType]) -> None:
    told: dict[str, Any] = {}
    load().defaults(SimpleNamespace(set_defaults=told.update))
    assert json.dumps(told) == '{"num_users": 30, "spawn_rate": 5, "stop_timeout": "60"}'
