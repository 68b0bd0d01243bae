"""What a real service counts while its processes are killed is what stands in its rows."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.stack import Stack, eventually

pytestmark = pytest.mark.slow
ENDED = "state IN ('succeeded', 'failed', 'canceled', 'expired')"


def scraped(stack: Stack) -> list[Sample]:
    key = (Path(stack.folder) / "metrics_key").read_text()
    answer = httpx.get(f"http://{stack.bind}/metrics", headers={"Authorization": f"Bearer {key}"}, trust_env=False)
    assert answer.status_code == 200, answer.text
    return [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]


def total(stack: Stack, name: str, label: str = "state") -> dict[str, float]:
    sums: Counter[str] = Counter()
    for sample in scraped(stack):
        if sample.name == name:
            sums[sample.labels.get(label, "")] += int(sample.value)
    return dict(sums)


def rows(stack: Stack) -> dict[str, int]:
    return dict(stack.select(f"SELECT state, count(*) FROM tasks_job WHERE {ENDED} GROUP BY state"))  # noqa: S608 (our own words)


def mended(stack: Stack) -> bool:
    stack.mend()
    return stack.programs["housekeeping"].running


def test_the_sum_of_ends_is_the_rows_whatever_was_killed(stack: Stack) -> None:
    jobs = [stack.submit("echo", text=str(number)) for number in range(20)]
    jobs += [stack.submit("refuse"), stack.submit("die", signal_name="SIGABRT"), stack.submit("sleep", seconds=1)]
    for round_number in range(5):
        jobs += [stack.submit("echo", text=f"{round_number} {number}") for number in range(10)]
        stack.kill("housekeeping")
        eventually(lambda: total(stack, "fitsize_jobs_ended_total") == rows(stack))
        eventually(lambda: mended(stack))
    sleeper = stack.submit("sleep", seconds=1.5)
    stack.running(sleeper)
    os.kill(stack.child_of("fakes"), signal.SIGKILL)
    for job in [*jobs, sleeper]:
        stack.ended(job, 120)
    assert total(stack, "fitsize_jobs_ended_total") == rows(stack)
    assert sum(rows(stack).values()) == len(jobs) + 1
    [(crashes, losses)] = stack.select("SELECT sum(crashes), sum(losses) FROM tasks_job")
    assert total(stack, "fitsize_job_crashes_total", "kind") == {"fakes": crashes} == {"fakes": 3}
    assert total(stack, "fitsize_job_losses_total", "kind") == {"fakes": losses} == {"fakes": 1}
    eventually(lambda: stack.select(f"SELECT count(*) FROM tasks_job WHERE {ENDED} AND NOT counted") == [(0,)])  # noqa: S608 (as above)
    assert total(stack, "fitsize_jobs_ended_total") == rows(stack)


def test_a_worker_says_what_its_child_holds(stack: Stack) -> None:
    eventually(stack.ready)
    eventually(lambda: total(stack, "fitsize_worker_resident_memory_bytes", "kind").get("fakes", 0) > 10_000_000)
    assert total(stack, "fitsize_workers")["ready"] == 1
