"""How a child loads its model, and what it concludes from what its predecessor was at."""

from __future__ import annotations

import pytest

from tasks.models import Worker, WorkerState
from tasks.worker import child as module
from tasks.worker.child import Child
from tasks.worker.shared import Doing
from tests.fakes.inference.model import FakeModel

pytestmark = pytest.mark.django_db


class Ended(BaseException):
    """What `os._exit` would have done."""


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each run of the built-in sample."""
    runs: list[str] = []
    monkeypatch.setattr(FakeModel, "sample", lambda self: runs.append("sample"))
    return runs


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr(module.time, "sleep", seconds.append)  # type: ignore[attr-defined]  # the module's own time
    return seconds


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Child:
    def end(code: int) -> None:
        raise Ended

    monkeypatch.setattr(module.os, "_exit", end)  # type: ignore[attr-defined]  # the module's own os
    Worker.objects.create(life="my-life", name="fakes@here", kind="fakes", pid=1)
    made = Child()
    made.life = "my-life"
    return made


def successor(child: Child) -> Child:
    """A child that was forked after this one died: it finds the shared memory as it was left."""
    made = Child()
    made.life, made.shared = child.life, child.shared
    return made


def cannot_load(self: FakeModel) -> None:
    raise FileNotFoundError("no weights")


def test_a_first_child_is_ready_without_the_sample(child: Child, sampled: list[str], pauses: list[float]) -> None:
    child.load("fakes")
    assert (child.shared.state, sampled, pauses) == (WorkerState.READY, [], [])


def test_the_successor_of_a_child_that_died_at_a_job_runs_the_sample_first(child: Child, sampled: list[str]) -> None:
    child.load("fakes")
    child.shared.doing = Doing.JOB
    successor(child).load("fakes")
    assert (sampled, child.shared.state) == (["sample"], WorkerState.READY)


def test_a_child_that_ended_in_order_leaves_no_suspicion(child: Child, sampled: list[str]) -> None:
    child.load("fakes")
    with child.at_work():
        pass
    successor(child).load("fakes")
    assert sampled == []


def test_a_death_on_the_sample_takes_the_kind_down_and_each_try_waits_longer(child: Child, sampled: list[str], pauses: list[float]) -> None:
    for _ in range(3):
        child.shared.doing = Doing.SAMPLE
        child = successor(child)
        child.load("fakes")
        child.shared.failed_loads = len(pauses)  # it died again, before it was ready
    assert (pauses, len(sampled)) == ([1, 2, 4], 3)
    assert Worker.objects.get().detail == "the model's process died on its built-in sample"


def test_a_death_while_loading_takes_the_kind_down_until_a_load_succeeds(child: Child, pauses: list[float]) -> None:
    child.shared.doing = Doing.LOADING
    successor(child).load("fakes")
    assert (pauses, child.shared.state, child.shared.failed_loads) == ([1], WorkerState.READY, 0)


def test_a_model_that_cannot_be_loaded_says_why_and_ends_its_process(
    child: Child, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    monkeypatch.setattr(FakeModel, "load", cannot_load)
    with pytest.raises(Ended):
        child.load("fakes")
    assert (child.shared.state, Worker.objects.get().detail) == (WorkerState.DOWN, "FileNotFoundError: no weights")
    with pytest.raises(Ended):
        successor(child).load("fakes")
    assert (pauses, child.shared.failed_loads) == ([1], 2)


def test_a_child_knows_when_it_holds_more_than_its_kind_may_keep(child: Child) -> None:
    assert child.too_large() is False
    child.recycle_bytes = 10**12
    assert child.too_large() is False
    child.recycle_bytes = 1000
    assert child.too_large() is True


def test_a_load_that_fails_after_a_death_does_not_clear_the_suspicion(
    child: Child, sampled: list[str], pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    child.shared.doing = Doing.JOB
    with monkeypatch.context() as patch, pytest.raises(Ended):
        patch.setattr(FakeModel, "load", cannot_load)
        successor(child).load("fakes")
    successor(child).load("fakes")
    assert sampled == ["sample"]
