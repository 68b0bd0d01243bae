"""Real workers that die in real ways, on both databases."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.stack import Stack, eventually

pytestmark = pytest.mark.slow


def test_a_job_that_crashes_once_is_run_again(stack: Stack, tmp_path: Path) -> None:
    ended = stack.ended(stack.submit("die_once", marker=str(tmp_path / "died")))
    assert (ended["state"], ended["attempts"], ended["result"]) == ("succeeded", 2, {"survived": True})


def test_a_job_whose_process_is_killed_is_run_again(stack: Stack) -> None:
    job = stack.submit("sleep", seconds=1.5)
    stack.running(job)
    os.kill(stack.child_of("fakes"), signal.SIGKILL)
    ended = stack.ended(job)
    assert (ended["state"], ended["attempts"]) == ("succeeded", 2)


def test_jobs_submitted_while_no_worker_lives_wait_for_one(stack: Stack) -> None:
    process = stack.programs["fakes"].process
    assert process is not None
    process.terminate()
    process.wait(30)
    job = stack.submit("echo", text="patience")
    assert stack.job(job)["state"] == "queued"
    stack.start_worker("fakes")
    assert stack.ended(job)["result"]["values"] == {"text": "patience"}


def test_a_worker_that_is_asked_to_stop_finishes_its_job_and_claims_no_more(stack: Stack) -> None:
    jobs = [stack.submit("sleep", seconds=0.8) for _ in range(3)]
    stack.running(jobs[0])
    process = stack.programs["fakes"].process
    assert process is not None
    process.terminate()
    process.wait(30)
    states = [stack.job(job)["state"] for job in jobs]
    assert states.count("queued") >= 1
    assert "running" not in states
    stack.start_worker("fakes")
    ended = [stack.ended(job) for job in jobs]
    assert [(job["state"], job["attempts"]) for job in ended] == [("succeeded", 1)] * 3


def test_a_canceled_running_jobs_result_is_discarded(stack: Stack) -> None:
    job = stack.submit("sleep", seconds=1)
    stack.running(job)
    assert stack.http.post(job["links"]["cancel"]).status_code == 202
    ended = stack.ended(job)
    assert (ended["state"], ended["result"]) == ("canceled", None)
    assert stack.http.post(job["links"]["cancel"]).status_code == 200


def test_the_front_answers_a_waiting_client_with_the_ended_job(stack: Stack) -> None:
    eventually(stack.ready)
    answer = stack.http.post("/api/v1/fakes/sleep", json={"seconds": 0.3}, headers={"Prefer": "wait=20"})
    assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert "Prefer" in answer.headers["Vary"]
    assert not [name for name in answer.headers if "hold" in name.lower()]


def test_the_front_lets_a_client_go_when_its_time_is_over(stack: Stack) -> None:
    answer = stack.http.post("/api/v1/fakes/sleep", json={"seconds": 2.5}, headers={"Prefer": "wait=1"})
    assert (answer.status_code, answer.json()["state"] in ("queued", "running")) == (202, True)
    assert stack.ended(answer.json())["state"] == "succeeded"
