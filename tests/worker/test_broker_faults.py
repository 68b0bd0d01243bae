"""A broker that dies, hangs, cuts connections or repeats itself. On SQLite alone: the database has no part in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fitsize.settings import BREAKER_SECONDS
from tests.stack import Stack, eventually
from tests.worker.gates import Gate

pytestmark = pytest.mark.slow
REFUSED = "no wake-up for fakes"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        if "fitsize.fake_broker" in running.broker.command:
            pytest.skip("there is no Redis here")
        yield running


@contextmanager
def broker_dead(stack: Stack) -> Iterator[None]:
    stack.kill("broker")
    try:
        yield
    finally:
        stack.programs["broker"].start()
        eventually(stack.broker.answers, 15)


@contextmanager
def broker_hung(stack: Stack) -> Iterator[None]:
    stack.freeze("broker")
    try:
        yield
    finally:
        stack.thaw("broker")


def flood(stack: Stack, seconds: float) -> list[dict[str, Any]]:
    """What is accepted from four clients at once in so many seconds: `submit` takes nothing but 200 and 202."""
    end, jobs = time.monotonic() + seconds, list[dict[str, Any]]()
    with ThreadPoolExecutor(4) as clients:
        while time.monotonic() < end:
            jobs += clients.map(lambda number: stack.submit("echo", text=str(number)), range(4))
            time.sleep(0.1)
    return jobs


@pytest.mark.parametrize("trouble", [broker_dead, broker_hung])
def test_without_a_broker_jobs_are_accepted_after_one_failed_publish_in_a_breakers_window(stack: Stack, trouble: Any) -> None:
    before, started = stack.log("web").count(REFUSED), time.monotonic()
    with trouble(stack):
        jobs = flood(stack, BREAKER_SECONDS + 1)
        windows = 1 + (time.monotonic() - started) // BREAKER_SECONDS
    assert 1 <= stack.log("web").count(REFUSED) - before <= windows
    assert {stack.ended(job)["state"] for job in jobs} == {"succeeded"}


def test_a_broker_that_comes_back_empty_while_jobs_wait_loses_none(stack: Stack, tmp_path: Path) -> None:
    gate = Gate(stack, tmp_path)
    jobs = [stack.submit("echo") for _ in range(5)]
    with broker_dead(stack):
        gate.open()
    assert {stack.ended(job)["state"] for job in [gate.job, *jobs]} == {"succeeded"}


def cut_once(stack: Stack) -> None:
    """And wait until the worker listens again, so that the next cut meets a connection. The broker is asked: a client library that
    connects again by itself says nothing."""
    before = listening(stack)
    stack.cut_connections()
    eventually(lambda: listening(stack) - before)


def listening(stack: Stack) -> set[str]:
    """Connections that wait for a message."""
    return {client["id"] for client in stack.redis.client_list() if client["cmd"] == "brpop"}


def test_connections_that_are_cut_twenty_times_under_load_leave_no_worker_deaf(stack: Stack) -> None:
    worker, jobs = stack.pid_of("fakes"), list[dict[str, Any]]()
    for _ in range(20):
        jobs += [stack.submit("sleep", seconds=0.05) for _ in range(3)]
        cut_once(stack)
    assert {stack.ended(job)["state"] for job in jobs} == {"succeeded"}
    eventually(lambda: stack.redis.llen("fakes") == 0)
    assert stack.ended(stack.submit("echo"))["attempts"] == 1
    assert (stack.programs["fakes"].running, stack.pid_of("fakes")) == (True, worker)


def test_a_thousand_surplus_wake_ups_change_nothing(stack: Stack, tmp_path: Path) -> None:
    gate = Gate(stack, tmp_path)
    jobs = [stack.submit("echo", text=str(number)) for number in range(5)]
    stack.wake(1000)
    gate.open()
    assert {stack.ended(job)["attempts"] for job in [gate.job, *jobs]} == {1}
    eventually(lambda: stack.redis.llen("fakes") == 0)
    assert len(gate.pids()) == 1
    assert stack.programs["fakes"].running
