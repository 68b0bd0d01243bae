"""Two web processes before one queue, as they are by default: each hears of every end, and one may die."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from tests.stack import Stack, eventually

pytestmark = pytest.mark.slow
CLIENTS = 24


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("two"), environment={"GUNICORN_WORKERS": "2"}) as stack:
        yield stack


def processes(stack: Stack) -> list[psutil.Process]:
    return psutil.Process(stack.pid_of("web")).children()


def waited(stack: Stack, address: str) -> tuple[int, str]:
    """On a connection of its own; again where that was cut."""
    while True:
        try:
            with httpx.Client(base_url=f"http://{stack.bind}", headers=stack.headers, timeout=30) as client:
                answer = client.get(f"{address}?wait=20")
                return answer.status_code, answer.json()["state"]
        except httpx.TransportError:
            continue


def test_clients_of_both_processes_hear_of_an_end(two: Stack) -> None:
    assert len(processes(two)) == 2
    address = two.submit("sleep", seconds=2)["links"]["self"]
    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = [clients.submit(waited, two, address) for _ in range(CLIENTS)]
        assert Counter(answer.result() for answer in answers) == {(200, "succeeded"): CLIENTS}


def test_who_waits_at_a_process_that_dies_asks_again(two: Stack) -> None:
    address = two.submit("sleep", seconds=3)["links"]["self"]
    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = [clients.submit(waited, two, address) for _ in range(CLIENTS)]
        os.kill(processes(two)[0].pid, signal.SIGKILL)
        assert Counter(answer.result() for answer in answers) == {(200, "succeeded"): CLIENTS}
    eventually(lambda: len(processes(two)) == 2)
