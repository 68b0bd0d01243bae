"""FitSize beside model servers: what is compared is like with like, and what is lost is said."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from benchmarks import machine
from benchmarks.client import Load, Seen
from benchmarks.client import run as clients_run
from benchmarks.serving import packages
from benchmarks.serving.__main__ import servers_for, turn, works_for
from benchmarks.serving.figures import latency_ratios, lost, rate_ratios, rates, text, verdict
from benchmarks.serving.lock import LOCK, PEERS, lines
from benchmarks.serving.runs import costs, outcome
from benchmarks.serving.servers import TITLES
from benchmarks.serving.work import Work, jobs_for
from fitsize.broker import free_port
from tests.stack import ROOT


def benchmark(file: Path, *options: str) -> tuple[dict[str, Any], str]:
    """Its figures and what it prints."""
    few = ("--models", "1", "--rounds", "1", "--jobs", "4", "--clients", "3", "--json", str(file))
    command = [sys.executable, "-m", "benchmarks.serving", *few, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(file.read_text()), done.stdout


@pytest.mark.slow
def test_fitsize_loses_the_poison_alone(tmp_path: Path) -> None:
    facts, told = benchmark(tmp_path / "serving.json", "--mixes", "poison", "--poison", "12", "--servers", "fitsize")
    [run] = facts["runs"]
    assert (run["answered"], run["lost"], run["alive"], run["poison_answers"]) == (11, 0, True, {"200 failed": 1})
    assert run["account"]["truth"]["states"]["failed"] == 1
    assert "no peers" in told


@pytest.mark.slow
@pytest.mark.skipif(not packages.installed(), reason="the peers' virtual environment is made by `python -m benchmarks.serving`")
@pytest.mark.parametrize("peer", ["litserve", "bentoml"])
def test_a_peer_does_the_same_jobs_and_its_cpu_is_known_by_process(peer: str, tmp_path: Path) -> None:
    facts, told = benchmark(tmp_path / "serving.json", "--mixes", "clean", "--servers", peer)
    [run] = facts["runs"]
    assert (run["answers"], run["account"]["models_started"]) == ({"200 succeeded": 12}, 2)
    assert set(run["cpu_ms"]) == {"web", "child"}
    assert f"{peer}=={facts['peers'][peer]}" in PEERS
    assert TITLES[peer] in told


def found(server: str, work: str = "50 ms", **different: Any) -> dict[str, Any]:
    run = {"answered": 240, "lost": 0, "alive": True, "seconds": 8.0, "p50_ms": 800.0, "p95_ms": 900.0, "longest_ms": 950.0}
    counted = {"answers": {}, "poison_answers": {}, "pss_mb": 100.0, "others_cores": 0.0}
    cpu = {"cpu_ms": {"web": 2.0, "child": 1.0}, "overhead_ms": 3.0, "client_ms": 0.1}
    return {"server": server, "work": work, **run, **counted, **cpu, **different}


def facts_of(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"clients": 30, "rounds": 1, "peers": {"litserve": "0.2.19"}, "runs": list(runs)}


def test_ratios_are_those_of_the_runs_of_a_round() -> None:
    facts = facts_of(*(found("fitsize", seconds=each) for each in (8.0, 10.0)), *(found("bentoml", seconds=each) for each in (8.0, 5.0)))
    assert rate_ratios(facts, "50 ms", "bentoml") == [1.0, 0.5]
    assert latency_ratios(facts, "50 ms", "bentoml", "p95_ms") == [1.0, 1.0]


def test_a_server_that_died_answers_nothing_for_as_long_as_the_other_works() -> None:
    dead = found("litserve", answered=80, lost=160, seconds=2.0, alive=False)
    assert rates(facts_of(found("fitsize"), dead), "50 ms", "litserve") == [10.0]
    assert rates(facts_of(found("fitsize"), {**dead, "alive": True}), "50 ms", "litserve") == [40.0]
    assert rates(facts_of(dead), "50 ms", "litserve") == [40.0]  # nobody to compare it with


def test_a_server_that_answered_nothing_has_no_ratio() -> None:
    nothing = found("litserve", answered=0, lost=240, alive=False, p50_ms=None, p95_ms=None, longest_ms=None)
    facts = facts_of(found("fitsize"), nothing)
    assert (rate_ratios(facts, "50 ms", "litserve"), latency_ratios(facts, "50 ms", "litserve", "p95_ms")) == ([], [])
    assert "1x is missed" in verdict(facts)


@pytest.mark.parametrize(("server", "count"), [("fitsize", 2), ("litserve", 0)])
def test_only_what_fitsize_loses_is_the_exit_code(server: str, count: int) -> None:
    assert lost(facts_of(found("fitsize"), found(server, lost=2))) == count


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(8.0, "1.00x (0.93x holds, 1x holds)"), (8.4, "0.95x (0.93x holds, 1x is missed)"), (9.0, "0.89x (0.93x is missed, 1x is missed)")],
)
def test_the_verdict_names_what_was_aimed_at(seconds: float, said: str) -> None:
    assert said in verdict(facts_of(found("fitsize", seconds=seconds), found("litserve")))


@pytest.mark.parametrize(("p95", "said"), [(900.0, "p95 1.00x (no worse)"), (990.0, "p95 1.10x (worse)")])
def test_the_verdict_judges_p95_too(p95: float, said: str) -> None:
    assert said in verdict(facts_of(found("fitsize", p95_ms=p95), found("bentoml")))


def test_the_tables_have_every_server_its_ratio_and_its_cpu() -> None:
    poison = [found(name, "50 ms, one poison in 60", poison_answers={"200 failed": 4}) for name in ("fitsize", "litserve-restart")]
    told = text({**facts_of(found("fitsize"), found("litserve"), *poison), "machine": machine.description()})
    for words in ("LitServe, restarting", "FitSize / LitServe", "child - model", "litserve 0.2.19", "gave no result: 0"):
        assert words in told
    assert told.count("CPU ms per job") == 1  # not where processes die


def test_what_did_not_succeed_is_lost_and_has_no_latency() -> None:
    ends = ["200 succeeded", "500 None", "200 succeeded", "ConnectionRefusedError"]
    seen = Seen(milliseconds=[10.0, 1.0, 20.0, 1.0], ends=ends, moments=[0.1, 0.2, 0.3, 9.0], odd_answers={"500 None": 1}, seconds=9.5)
    facts = outcome(seen, Work(50, jobs=5, poison_every=5))
    assert (facts["answered"], facts["lost"], facts["p50_ms"], facts["longest_ms"]) == (2, 2, 15.0, 20.0)
    assert facts["seconds"] == 0.3  # a client that waits in vain for the dead is no time of the living


def test_the_cpu_of_a_job_is_without_the_model_and_without_the_client() -> None:
    facts = costs({"web": 0.2, "child": 5.1}, Seen(cpu_seconds=0.01), Work(50, jobs=100))
    assert facts["cpu_ms"] == pytest.approx({"web": 2.0, "child": 1.0})
    assert (facts["overhead_ms"], facts["client_ms"]) == pytest.approx((3.0, 0.1))


def test_a_fast_model_has_more_jobs_and_a_slow_one_fewer() -> None:
    assert [jobs_for(model_ms, 240) for model_ms in (0, 10, 25, 50, 200)] == [720, 720, 480, 240, 120]


def test_every_model_is_run_clean_and_with_poison() -> None:
    works = works_for([50.0], ("clean", "poison"), jobs=240, clients=30, poison=60)
    assert [(work.name, work.innocents) for work in works] == [("50 ms", 240), ("50 ms, one poison in 60", 236)]
    assert servers_for(works[0], ["fitsize", "litserve", "litserve-restart"]) == ["fitsize", "litserve"]


def test_each_round_begins_with_another_server() -> None:
    assert [turn(["a", "b", "c"], number) for number in range(3)] == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]


class Echo(BaseHTTPRequestHandler):
    """Keeps what it was sent, by path."""

    sent: ClassVar[dict[str, list[str]]] = {}
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.sent.setdefault(self.path, []).append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        body = b'{"state": "succeeded"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_odd_requests_are_sent_among_the_others_and_counted_apart() -> None:
    Echo.sent.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        load = Load(server.server_address[1], "/usual", "{}", jobs=7, answer_seconds=5, odd_every=3, odd_path="/odd", odd_body="odd NUMBER")
        seen = asyncio.run(clients_run(load))
        server.shutdown()
    assert Echo.sent == {"/usual": ["{}"] * 5, "/odd": ["odd 2", "odd 5"]}
    assert (seen.answers, seen.odd_answers, len(seen.milliseconds)) == ({"200 succeeded": 5}, {"200 succeeded": 2}, 5)


def test_a_server_that_is_gone_costs_the_clients_their_jobs_and_no_time() -> None:
    seen = asyncio.run(clients_run(Load(free_port(), "/", "{}", jobs=6, clients=2)))
    assert seen.answers == {"ConnectionRefusedError": 6}


def test_the_lock_has_a_hash_for_every_package_and_no_address() -> None:
    entries = LOCK.read_text().splitlines()
    assert {entry.partition(" ")[0] for entry in entries} >= set(PEERS)
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
    assert "//" not in LOCK.read_text()


def test_a_package_with_several_files_has_all_their_hashes_in_one_line() -> None:
    def item(name: str, hash: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "version": "1.0"}, "download_info": {"archive_info": {"hashes": {"sha256": hash}}}}

    assert lines([item("B_b", "2"), item("a", "3"), item("B_b", "1"), item("B_b", "2")]) == [
        "a==1.0 --hash=sha256:3",
        "b-b==1.0 --hash=sha256:1 --hash=sha256:2",
    ]
