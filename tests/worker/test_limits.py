"""Deadlines, cancels and memory, enforced on real workers that do not cooperate."""

from __future__ import annotations

import psutil
import pytest

from tests.stack import Stack

pytestmark = pytest.mark.slow


def test_a_native_call_past_its_deadline_ends_as_timeout_and_the_next_job_runs(stack: Stack) -> None:
    overdue, after = stack.submit("hang"), stack.submit("echo", text="next")
    ended = stack.ended(overdue)
    assert (ended["state"], ended["error"]["code"], ended["attempts"]) == ("failed", "timeout", 1)
    assert stack.ended(after)["state"] == "succeeded"


def test_a_deadline_leaves_no_second_run_alive(stack: Stack) -> None:
    job = stack.submit("hang")
    stack.running(job)
    victim = stack.child_of("fakes")
    assert stack.ended(job)["error"]["code"] == "timeout"
    assert not psutil.pid_exists(victim) or psutil.Process(victim).status() == psutil.STATUS_ZOMBIE


def test_a_native_call_is_canceled_and_charges_nobody(stack: Stack) -> None:
    job, after = stack.submit("freeze"), stack.submit("echo")
    stack.running(job)
    assert stack.http.post(job["links"]["cancel"]).status_code == 202
    ended = stack.ended(job, seconds=15)
    assert (ended["state"], ended["error"], ended["result"]) == ("canceled", None, None)
    again = stack.ended(after)
    assert (again["state"], again["attempts"]) == ("succeeded", 1)
