"""The contrast compares like with like, and says what it found."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks import machine
from benchmarks.client import Load, Seen
from benchmarks.client import run as clients_run
from benchmarks.contrast import CASES, all_fine, latency, ratios, text, verdict, web_processes
from benchmarks.contrast_plot import beside, drawn
from tests.stack import ROOT


@pytest.mark.slow
def test_both_ways_run_the_same_jobs_and_are_compared(tmp_path: Path) -> None:
    file = tmp_path / "contrast.json"
    few = ("--kinds", "faces", "--workers", "1", "--rounds", "1", "--clients", "3", "--jobs", "6", "--seconds", "0.1")
    command = [sys.executable, "-m", "benchmarks.contrast", *few, "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads(file.read_text())
    [case] = facts["cases"]
    [run] = case["rounds"]
    for side in ("blocking", "FitSize"):
        assert run[side]["answers"] == {"200 succeeded": run[side]["jobs"]}
        assert (case["crashes"][side], run[side]["errors"]) == (0, 0)
    assert {"cpu", "cores", "packages"} <= set(facts["machine"])
    assert "faces, FitSize, workers: 1" in done.stdout


def found(jobs_per_second: float) -> dict[str, Any]:
    same = {"jobs": 60, "errors": 0, "answers": {}, "p50_ms": 10.0, "p95_ms": 20.0, "pss_mb": 100.0}
    return {**same, "jobs_per_second": jobs_per_second}


def contrast(ours: float, *theirs: float, fine: bool = True) -> dict[str, Any]:
    rounds = [{"blocking": found(each), "FitSize": found(ours)} for each in theirs]
    crashes = {"blocking": 0, "FitSize": 0}
    case = {"name": "garments", "workers": 1, "web_processes": 3, "threads": 1, "rounds": rounds, "crashes": crashes, "fine": fine}
    return {"clients": 30, "rounds": len(rounds), "cases": [case]}


def test_a_ratio_is_that_of_the_two_runs_of_a_round() -> None:
    [case] = contrast(20.0, 1.0, 2.0, 0.0)["cases"]
    assert ratios(case, "jobs_per_second") == [20.0, 10.0]  # none where nothing succeeded


def test_the_picture_shows_both_ways_and_by_how_much_one_is_better() -> None:
    drawing = drawn(contrast(20.0, 1.0, 2.0))
    assert "<svg" in drawing
    assert "1200 a minute, 15.0x better" in drawing
    assert "90 a minute" in drawing


@pytest.mark.parametrize(("times", "said"), [(15.34, ", 15.3x better"), (0.8, ", 1.2x worse"), (1.03, ", about the same"), (math.nan, "")])
def test_the_picture_says_worse_where_it_is_worse(times: float, said: str) -> None:
    assert beside(times) == said


def test_the_verdict_is_of_the_run_with_the_most_workers() -> None:
    one, two = contrast(5.0, 1.0), contrast(20.0, 1.0)
    two["cases"][0]["workers"] = 2
    assert all_fine({**one, "cases": [*two["cases"], *one["cases"]]})


@pytest.mark.parametrize(
    ("facts", "fine", "said"),
    [
        (contrast(20.0, 1.0, 2.0), True, "15.0x; 10x holds"),
        (contrast(9.0, 1.0), False, "9.0x; 10x is missed"),
        (contrast(20.0, 1.0, fine=False), False, "lost or repeated jobs: garments"),
    ],
    ids=["holds", "too slow", "lost a job"],
)
def test_the_verdict_is_the_exit_code(facts: dict[str, Any], fine: bool, said: str) -> None:
    assert (all_fine(facts), said in verdict(facts)) == (fine, True)


def test_what_did_not_succeed_is_an_error_and_no_throughput() -> None:
    seen = Seen(milliseconds=[10.0] * 10, answers={"200 succeeded": 6, "500 failed": 3, "TimeoutError": 1}, seconds=2.0)
    assert {name: latency(seen)[name] for name in ("jobs", "errors", "jobs_per_second")} == {
        "jobs": 10,
        "errors": 4,
        "jobs_per_second": 3.0,
    }


def test_the_baseline_has_a_model_for_each_worker_and_a_thread_for_each_client_of_faces() -> None:
    assert web_processes(CASES["faces"], 2, 30) == (2, 15)
    assert web_processes(CASES["recordings"], 2, 30) == (2, 1)
    assert web_processes(CASES["garments"], 1, 30) == (3, 1)


class OneRequest(BaseHTTPRequestHandler):
    """One request on each connection, as gunicorn's sync workers have it."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"state": "succeeded"}'
        self.send_response(200)
        self.send_header("Connection", "close")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_the_client_connects_again_where_a_server_takes_one_request_a_connection() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), OneRequest) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        load = Load(server.server_address[1], "/", "{}", jobs=6, clients=2, answer_seconds=5)
        seen = asyncio.run(clients_run(load))
        server.shutdown()
    assert seen.answers == {"200 succeeded": 6}


def test_a_table_has_both_sides_and_their_ratio() -> None:
    told = text({**contrast(20.0, 1.0), "machine": machine.description()})
    assert "garments, blocking, web processes: 3" in told
    assert "20.00x" in told
