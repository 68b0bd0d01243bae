"""Real workers that were started for an accelerator. There is none: they find the CPU under its name."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fitsize.supervisor import worker_command
from tests.stack import Stack, eventually

pytestmark = pytest.mark.slow
ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "tests.accelerated_settings", "WORKER_DEAD_AFTER_SECONDS": "6"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), workers=(), environment=ENVIRONMENT) as running:
        yield running


def start(stack: Stack, name: str, device: str = "", *options: str) -> None:
    """A worker, ready."""
    command = [*worker_command("fakes", device), *options]
    command[command.index("-n") + 1] = f"{name}@%h"
    stack.start(name, command)
    eventually(lambda: stack.pid_of(name) in stack.ready_pids())


@pytest.fixture
def stop(stack: Stack) -> Iterator[None]:
    yield
    for name in [name for name in stack.programs if name.startswith("fakes")]:
        if stack.programs[name].running:
            stack.kill_family(name)
        del stack.programs[name]


def loads_torch(pid: int) -> bool:
    return any("libtorch" in place.path for place in psutil.Process(pid).memory_maps())


def remark(stack: Stack, name: str) -> str:
    [(said,)] = stack.select(f"SELECT detail FROM tasks_worker WHERE pid = {stack.pid_of(name)}")  # noqa: S608 (a number)
    return str(said)


@pytest.mark.usefixtures("stop")
def test_a_worker_on_a_taken_accelerator_computes_on_the_cpu_and_says_why(stack: Stack) -> None:
    start(stack, "fakes-cuda", "cuda")
    first = stack.ended(stack.submit("place"))
    assert (first["result"]["device"], first["result"]["fallback"], first["warnings"]) == ("cuda", None, [])
    eventually(lambda: remark(stack, "fakes-cuda") == "on cuda-stand-in")
    assert loads_torch(stack.child_of("fakes-cuda"))
    assert not loads_torch(stack.pid_of("fakes-cuda"))  # nor can it have initialised CUDA, which does not survive a fork

    start(stack, "fakes-2", "cuda")
    eventually(lambda: remark(stack, "fakes-2") == "on the CPU, asked for cuda: taken")
    assert "asked for cuda: taken" in stack.log("fakes-2")
    stack.freeze("fakes-cuda")
    second = stack.ended(stack.submit("place"))
    stack.thaw("fakes-cuda")
    assert second["result"]["fallback"] == {"from": "cuda", "to": "cpu", "reason": "taken", "tries": []}
    assert second["result"]["values"] == first["result"]["values"]
    assert [warning["code"] for warning in second["warnings"]] == ["fallback"]


@pytest.mark.usefixtures("stop")
def test_the_accelerator_of_a_killed_child_is_its_successors(stack: Stack) -> None:
    start(stack, "fakes-cuda", "cuda")
    before = stack.child_of("fakes-cuda")
    os.kill(before, signal.SIGKILL)
    result = stack.ended(stack.submit("place"))["result"]
    assert result["pid"] != before
    assert (result["device"], result["fallback"]) == ("cuda", None)


@pytest.mark.usefixtures("stop")
def test_a_worker_whose_accelerator_has_too_little_memory_answers_from_the_cpu(stack: Stack) -> None:
    start(stack, "fakes-cuda", "cuda")
    ended = stack.ended(stack.submit("place", fault="memory"))
    assert (ended["state"], ended["attempts"], ended["result"]["device"]) == ("succeeded", 1, "cpu")
    assert [tried["batch_size"] for tried in ended["result"]["fallback"]["tries"]] == [32, 16, 8]


@pytest.mark.usefixtures("stop")
def test_a_lost_device_costs_one_attempt_and_is_used_again_by_another_process(stack: Stack, tmp_path: Path) -> None:
    start(stack, "fakes-cuda", "cuda")
    before = stack.child_of("fakes-cuda")
    job = stack.submit("place", fault="lost", marker=str(tmp_path / "lost"))
    ended = stack.ended(job)
    assert (ended["state"], ended["result"]["device"]) == ("succeeded", "cuda")
    assert ended["result"]["pid"] != before
    assert stack.charges(job) == (2, 0, 1)  # a loss: what a device does is not the input's fault
    assert "device lost" in stack.log("fakes-cuda")


@pytest.mark.usefixtures("stop")
def test_an_mps_worker_under_prefork_computes_on_the_cpu(stack: Stack) -> None:
    start(stack, "fakes-mps", "mps", "--pool=prefork")
    assert stack.ended(stack.submit("place"))["result"]["fallback"]["reason"] == "forked"


# -- a pool without children


@pytest.mark.usefixtures("stop")
def test_a_solo_worker_holds_the_model_in_its_own_process(stack: Stack) -> None:
    start(stack, "fakes-mps", "mps")
    result = stack.ended(stack.submit("place"))["result"]
    assert (result["device"], result["fallback"], result["pid"]) == ("mps", None, stack.pid_of("fakes-mps"))
    assert psutil.Process(stack.pid_of("fakes-mps")).children() == []


@pytest.mark.usefixtures("stop")
def test_a_solo_workers_job_that_takes_its_time_is_not_taken_for_dead(stack: Stack) -> None:
    start(stack, "fakes-mps", "mps")
    job = stack.submit("sleep", seconds=8)  # longer than a worker may be silent
    assert (stack.ended(job)["state"], stack.charges(job)) == ("succeeded", (1, 0, 0))


@pytest.mark.usefixtures("stop")
def test_a_solo_workers_job_past_its_deadline_ends_the_worker_and_fails(stack: Stack, tmp_path: Path) -> None:
    start(stack, "fakes-mps", "mps")
    job = stack.submit("narrow_gate", marker=str(tmp_path / "gate"))
    after = stack.submit("echo", text="next")
    ended = mended(stack, job)
    assert (ended["state"], ended["error"]["code"]) == ("failed", "timeout")
    assert mended(stack, after)["state"] == "succeeded"


@pytest.mark.usefixtures("stop")
def test_a_solo_worker_whose_interpreter_is_held_ends_by_itself(stack: Stack) -> None:
    start(stack, "fakes-mps", "mps")
    job = stack.submit("hang", seconds=60)
    stack.running(job)
    process = stack.programs["fakes-mps"].process
    assert process is not None
    process.wait(60)
    assert "Timeout (0:00:06)!" in stack.log("fakes-mps")
    stack.http.post(job["links"]["cancel"])
    assert mended(stack, job)["state"] == "canceled"


@pytest.mark.usefixtures("stop")
def test_a_solo_worker_that_is_killed_has_its_job_run_again(stack: Stack) -> None:
    start(stack, "fakes-mps", "mps")
    job = stack.submit("sleep", seconds=2)
    stack.running(job)
    stack.kill("fakes-mps")
    ended = mended(stack, job)
    assert (ended["state"], stack.charges(job)) == ("succeeded", (2, 0, 1))


@pytest.mark.usefixtures("stop")
def test_a_solo_worker_that_is_asked_to_stop_finishes_its_job_and_claims_no_more(stack: Stack) -> None:
    start(stack, "fakes-mps", "mps")
    jobs = [stack.submit("sleep", seconds=1.5) for _ in range(2)]
    stack.running(jobs[0])
    stack.end("fakes-mps")
    assert [stack.job(job)["state"] for job in jobs] == ["succeeded", "queued"]
    start(stack, "fakes-mps", "mps")
    assert stack.charges(jobs[0]) == (1, 0, 0)
    assert stack.ended(jobs[1])["state"] == "succeeded"


def mended(stack: Stack, job: dict[str, Any]) -> dict[str, Any]:
    """The ended job, while a supervisor starts again what dies."""

    def look() -> dict[str, Any] | None:
        stack.mend()
        found = stack.job(job)
        return found if found["state"] not in ("queued", "running") else None

    found: dict[str, Any] = eventually(look)
    return found
