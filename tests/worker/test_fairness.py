"""Who waits for whom, with a real worker and a long queue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.slow
QUEUE = """
from fitsize.models import User
from tasks.kinds import kinds
from tasks.models import Job, Priority
owner, _ = User.objects.get_or_create(username="{owner}")
for _ in range({jobs}):
    Job.objects.submit(owner_id=owner.pk, kind=kinds()["fakes"], operation="{operation}", parameters={parameters}, uploads={{}}, units=1.0,
                       priority=Priority.{priority})
"""
STARTED_WHILE_IT_WAITED = """
from tasks.models import Job
job = Job.objects.get(pk="{job}")
waited = Job.objects.filter(started_at__gt=job.created_at, started_at__lt=job.started_at)
print(waited.count())
"""


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Stack]:
    """No worker yet."""
    with Stack(tmp_path, workers=()) as stack:
        yield stack


def queue(stack: Stack, jobs: int, operation: str = "echo", priority: str = "INTERACTIVE", **parameters: Any) -> None:
    stack.manage("shell", "-v0", "-c", QUEUE.format(owner="crowd", **locals()))


def started_while_it_waited(stack: Stack, job: dict[str, Any]) -> int:
    return int(stack.manage("shell", "-v0", "-c", STARTED_WHILE_IT_WAITED.format(job=job["id"])))


def test_a_single_job_waits_for_at_most_three_of_an_owner_with_five_thousand(idle: Stack) -> None:
    queue(idle, jobs=5000)
    single = idle.submit("echo", text="mine")
    idle.start_worker("fakes")
    assert idle.ended(single)["state"] == "succeeded"
    assert started_while_it_waited(idle, single) <= 3


def test_batch_work_delays_interactive_work_by_at_most_one_job(idle: Stack) -> None:
    queue(idle, jobs=60, operation="sleep", priority="BATCH", seconds=0.2)
    idle.start_worker("fakes")
    idle.ended(idle.submit("echo", text="the worker is at it"))
    for _ in range(3):
        single = idle.submit("echo", text="in between")
        assert idle.ended(single)["state"] == "succeeded"
        assert started_while_it_waited(idle, single) <= 1
