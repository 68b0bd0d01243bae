"""Dead time is what lies between two models' calls, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.dead_time.__main__ import summary, within
from tests.stack import ROOT


def gap(milliseconds: float, claims: int = 1, **calls: int) -> dict[str, Any]:
    parts = {"end": 0.007, "announce": 0.001, "discard": 0.0005, "claim": 0.002}
    found = {"gap": milliseconds / 1000, "cpu": milliseconds / 2000, "parts": parts, "parts_cpu": parts, "inside": 0.004}
    return {**found, "calls": {"claim": claims, **calls}}


def test_a_gap_in_which_no_job_waited_is_no_dead_time() -> None:
    found = summary([gap(10), gap(12), gap(900, claims=2), gap(30, wake=2)])
    assert (found["gaps"], found["queue_empty"], found["max_ms"]) == (3, 1, 30.0)
    assert (found["messages"], found["message_p50_ms"]) == (1, 30.0)


def test_no_part_is_counted_twice() -> None:
    parts = summary([gap(10), gap(10)])["parts_p50_ms"]
    assert {name: round(value, 6) for name, value in parts.items()} == {
        "end": 3.5,
        "announce": 1.0,
        "discard": 0.5,
        "claim": 2.0,
        "open": 0.0,
        "read": 0.0,
        "rest": 3.0,
    }


@pytest.mark.parametrize(("p50", "limit", "fine"), [(2.9, 3.0, True), (3.1, 3.0, False), (9.9, None, True)])
def test_the_limit_is_the_exit_code(p50: float, limit: float | None, fine: bool) -> None:
    runs = [{"kind": "faces", "answers": {"200 succeeded": 9}, "p50_ms": p50}]
    assert within({"runs": runs}, limit) is fine
    assert not within({"runs": [{**runs[0], "answers": {"200 succeeded": 8, "200 failed": 1}}]}, limit)


@pytest.mark.slow
def test_every_gap_of_a_run_is_found(tmp_path: Path) -> None:
    file = tmp_path / "dead-time.json"
    command = [sys.executable, "-m", "benchmarks.dead_time", "--kinds", "fakes", "--jobs", "20", "--rounds", "1", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    [run] = json.loads(file.read_text())["runs"]
    assert (run["gaps"] + run["queue_empty"], run["answers"]) == (19, {"200 succeeded": 20})
    assert 0 < run["parts_p50_ms"]["claim"] < run["p50_ms"]
    assert "dead time between two jobs" in done.stdout
