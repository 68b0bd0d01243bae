"""The benchmarks run and say what they promise; how fast things are is no test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.truth import suspicious
from tests.stack import ROOT

pytestmark = pytest.mark.slow
ROWS = ["1 client, Prefer: wait", "1 client, submit + ?wait", "30 clients, Prefer: wait", "30 clients, submit + ?wait"]


def run(module: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", module, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmarks") / "engine.json"


@pytest.fixture(scope="module")
def engine(file: Path) -> subprocess.CompletedProcess[str]:
    return run("benchmarks.engine", "--jobs", "12", "--rounds", "1", "--model-ms", "1", "--json", str(file))


def test_the_engine_benchmark_prints_a_row_for_each_configuration(engine: subprocess.CompletedProcess[str]) -> None:
    assert engine.returncode == 0, engine.stdout + engine.stderr
    for row in ROWS:
        assert sum(line.startswith(row) for line in engine.stdout.splitlines()) == 2  # latency, and CPU by process
    assert "parent+child+broker" in engine.stdout
    assert "load average" in engine.stdout


def test_the_engine_benchmark_writes_what_it_measured_and_on_what(engine: subprocess.CompletedProcess[str], file: Path) -> None:
    facts = json.loads(file.read_text())
    assert [run["configuration"] for run in facts["runs"]] == ROWS
    assert all(run["answers"] == {"200 succeeded": run["jobs"]} for run in facts["runs"])
    assert {"cpu", "cores", "load_average", "python", "packages", "date"} <= set(facts["machine"])
    assert set(facts["runs"][0]["cpu_ms"]) == {"web", "parent", "child", "broker", "housekeeping", "client"}


def test_the_webs_parts_are_listed() -> None:
    done = run("benchmarks.web_parts", "--repeats", "3")
    assert done.returncode == 0, done.stderr
    for part in ("key look-up", "parse JSON", "store the input file", "turn", "wake-up", "render", "front + bridge", "second pass"):
        assert part in done.stdout


def test_a_web_process_stays_small() -> None:
    done = run("benchmarks.memory", "--submits", "60")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "500 MB multipart" in done.stdout
    assert "25 MB picture as base64" in done.stdout


def test_a_storm_prints_its_account_and_writes_it_down(tmp_path: Path) -> None:
    file = tmp_path / "storm.json"
    done = run("benchmarks.storm", "--jobs", "60", "--kills", "2", "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    for line in ("accepted (answer read)", "ended more than once", "failed innocents", "the account balances", "web master"):
        assert line in done.stdout
    facts = json.loads(file.read_text())
    assert (facts["balanced"], len(facts["kills"]), facts["plan"]["jobs"]) == (True, 2, 60)
    assert "cpu" in facts["machine"]


def test_the_waiters_benchmark_says_who_waited_and_for_how_long(tmp_path: Path) -> None:
    file = tmp_path / "waiters.json"
    done = run("benchmarks.waiters", "--clients", "60", "--rounds", "1", "--seconds", "1", "--json", str(file))
    assert done.returncode in (0, 1), done.stdout + done.stderr  # 1: too slow, which is no matter of this test
    facts = json.loads(file.read_text())
    assert [run["redis"] for run in facts["runs"]] == ["with Redis", "Redis killed"]
    assert all((run["answers"], run["unauthenticated"]) == ({"200 succeeded": 60}, 401) for run in facts["runs"])
    assert all(row in done.stdout for row in ("with Redis", "Redis killed", "/livez p95", "threads"))


def test_the_busy_benchmark_compares_both(tmp_path: Path) -> None:
    file = tmp_path / "busy.json"
    done = run("benchmarks.busy", "--rounds", "1", "--seconds", "2", "--json", str(file))
    assert done.returncode in (0, 1), done.stdout + done.stderr
    [found] = json.loads(file.read_text())["rounds"]
    assert min(found["idle"]["count"], found["busy"]["count"]) > 1
    assert "p95" in done.stdout


def test_the_benchmark_of_a_full_table_compares_it_with_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "million.json"
    options = ("--jobs", "2000", "--rounds", "1", "--seconds", "3", "--database", "sqlite", "--json", str(file))
    done = run("benchmarks.million", *options)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    [facts] = json.loads(file.read_text())["databases"]
    assert facts["retention"]["erased"] > 0
    assert {"submit", "claim", "poll, ended", "list", "housekeeping, with retention"} <= set(facts["rounds"][0][1])


def test_the_benchmark_of_a_long_queue_compares_it_with_a_short_one(tmp_path: Path) -> None:
    file = tmp_path / "depth.json"
    done = run("benchmarks.depth", "--depths", "10", "500", "--rounds", "1", "--database", "sqlite", "--json", str(file))
    assert done.returncode in (0, 1), done.stdout + done.stderr
    [facts] = json.loads(file.read_text())["databases"]
    assert {"submit", "claim", "poll, queued, near the front", "list", "/readyz"} <= set(facts["rounds"][0][1])
    assert "500 / 10" in done.stdout


def test_the_ceilings_of_a_web_process_are_found_with_the_right_answers_alone(tmp_path: Path) -> None:
    file = tmp_path / "ceilings.json"
    done = run("benchmarks.ceilings", "--rounds", "1", "--seconds", "0.5", "--database", "sqlite", "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    [found] = json.loads(file.read_text())["rounds"]
    statuses = {name: set(runs["sqlite"]["answers"]) for name, runs in found.items()}
    assert statuses == {"/livez": {"200"}, "submit, 202": {"202"}, "poll, queued": {"200"}, "poll, ended": {"200"}, "poll, 304": {"304"}}
    assert all(runs["sqlite"]["per_second"] > 0 for runs in found.values())


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("timestamp=2026-11-21T16:00:00Z level=warning logger=tasks.models.jobs event=queued job=1 cause=SIGKILL", True),
        ("timestamp=2026-11-21T16:00:00Z level=error logger=tasks.worker.child event=down", True),
        ("timestamp=2026-11-21T16:00:00Z level=info logger=tasks.models.jobs event=succeeded job=1", False),
        ("[2026-11-21 16:00:00 +0000] [7] [ERROR] Worker (pid:8) was sent SIGKILL!", True),
        ("7:M 21 Nov 2026 # WARNING Memory overcommit must be enabled!", False),
    ],
)
def test_trouble_in_a_log_is_seen_in_the_words_of_each_program(line: str, seen: bool) -> None:
    assert suspicious(line) is seen
