"""Good jobs among poison: only what an input did itself convicts it, and a broken installation convicts nobody."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack, encoded, eventually

pytestmark = pytest.mark.slow
POISON: list[tuple[str, dict[str, Any], str]] = [
    ("die", {"signal_name": "SIGABRT", "text": "among others"}, "SIGABRT"),
    ("die", {"signal_name": "SIGSEGV", "text": "among others"}, "SIGSEGV"),
    ("double_free", {}, "SIGABRT"),
    ("eat", {"text": "among others"}, "the memory limit"),
]


def good(stack: Stack) -> dict[str, Any]:
    return stack.submit("echo", file=encoded(1000))


def refusal(stack: Stack, key: str, **fields: Any) -> tuple[int, str]:
    answer = stack.http.post("/api/v1/fakes/die", json=fields, headers={"Authorization": f"Bearer {key}"})
    return answer.status_code, answer.json().get("code", "")


def test_only_the_poison_fails_after_its_third_crash_and_the_cause_is_named(stack: Stack) -> None:
    jobs, innocent = [], [good(stack)]
    for operation, fields, _ in POISON:
        jobs.append(stack.submit(operation, **fields))
        innocent.append(good(stack))
    for job, (_, _, cause) in zip(jobs, POISON, strict=True):
        ended = stack.ended(job, 120)
        assert (ended["state"], ended["error"]["code"]) == ("failed", "worker_crashed")
        assert f"died of {cause} on this input 3 times" in ended["error"]["detail"]
    assert {"cause=SIGABRT", "cause=SIGSEGV", 'cause="the memory limit"'} <= set(re.findall(r'cause=(?:\w+|"[^"]+")', stack.log("fakes")))
    assert [(ended["state"], ended["attempts"]) for ended in map(stack.ended, innocent)] == [("succeeded", 1)] * len(innocent)


def test_the_poison_is_refused_afterwards_for_its_owner_only_until_it_is_released(stack: Stack) -> None:
    fields = {"signal_name": "SIGBUS", "file": encoded(1000)}
    job = stack.submit("die", **fields)
    assert stack.ended(job)["error"]["code"] == "worker_crashed"
    assert refusal(stack, stack.key, **fields) == (422, "input_quarantined")
    assert refusal(stack, stack.manage("apikey", "create", "--user", "another").strip(), **fields) == (202, "")
    stack.manage("quarantine", "release", job["id"])
    assert refusal(stack, stack.key, **fields) == (202, "")


def test_a_broken_installation_takes_the_kind_down_and_convicts_nobody(stack: Stack) -> None:
    broken = Path(stack.folder) / "broken"
    eventually(stack.ready)
    broken.touch()
    jobs = [stack.submit("brittle", text=str(number)) for number in range(3)]
    eventually(lambda: stack.http.get("/readyz").json()["kinds"]["fakes"] == "down")
    assert {stack.job(job)["state"] for job in jobs} == {"queued"}
    broken.unlink()
    assert [stack.ended(job)["state"] for job in jobs] == ["succeeded"] * 3


def test_a_child_that_holds_too_much_is_replaced_after_its_job(stack: Stack) -> None:
    eventually(stack.ready)
    large = stack.ended(stack.submit("grow", megabytes=300))
    after = stack.ended(stack.submit("grow", megabytes=1))
    assert [(job["state"], job["attempts"]) for job in (large, after)] == [("succeeded", 1)] * 2
    assert large["result"]["pid"] != after["result"]["pid"]
