"""Checkpoints on real workers: taken up by the next attempt, out of reach for a former one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import Stack, eventually

pytestmark = pytest.mark.slow
ALL = [f"step-{number}" for number in range(1, 6)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two workers, and a short patience with those that are not seen."""
    short = {"WORKER_DEAD_AFTER_SECONDS": "6"}
    with Stack(tmp_path_factory.mktemp("pair"), workers=("fakes", "fakes-2"), environment=short) as running:
        yield running


def test_a_job_killed_in_its_third_step_goes_on_there(stack: Stack, tmp_path: Path) -> None:
    ended = stack.ended(stack.submit("steps", fault="kill", marker=str(tmp_path / "marker")))
    assert (ended["state"], ended["attempts"], ended["result"]["begun_at"]) == ("succeeded", 2, 3)
    assert ended["result"]["taken"] == ALL


def test_a_deadline_is_not_final_while_attempts_get_further(stack: Stack) -> None:
    ended = stack.ended(stack.submit("short_steps", seconds=0.7))
    assert (ended["state"], ended["result"]["taken"]) == ("succeeded", ALL)
    assert ended["attempts"] > 1


def test_a_frozen_attempt_overwrites_neither_checkpoint_nor_files_of_its_successor(pair: Stack, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    job = pair.submit("steps", fault="wait", seconds=0.8, marker=str(marker))
    eventually(marker.exists)
    frozen = pair.holder(job)
    pair.freeze(frozen)
    marker.with_name("marker.go").touch()
    eventually(lambda: pair.job(job)["attempts"] == 2 and pair.job(job)["progress"]["step"] == "step 4")
    pair.thaw(frozen)
    ended = pair.ended(job)
    assert (ended["state"], ended["attempts"], ended["result"]["begun_at"]) == ("succeeded", 2, 3)
    assert {pair.http.get(file["url"]).text for file in ended["files"]} == {str(ended["result"]["pid"])}
    eventually(lambda: len(stored(pair, job["id"])) == len(ended["files"]))


def stored(stack: Stack, job: str) -> list[str]:
    return [name for _, _, names in os.walk(stack.folder / "files" / "saved" / job) for name in names]
