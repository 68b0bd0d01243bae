"""What a run's figures are, from results that never were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jmeter.objectives import Limits, Objective, Observed, judge
from jmeter.plots import Plots
from jmeter.report import page
from jmeter.results import Sample, account, percentile, read
from jmeter.run import Tail, grown, summary
from jmeter.watch import Look, slope

HEADER = "timeStamp,elapsed,label,responseCode,responseMessage,threadName,success,failureMessage,job,state,queued_ms,run_ms"
LINES = (
    '1000,40,garment: submit,202,Accepted,users 1-1,true,,"a","queued","null","null"',
    '1000,300,garment: time to result,200,"Number of samples, 2",users 1-1,true,,"a","succeeded","20","200"',
    '2000,30,garment: submit,503,Unavailable,users 1-1,false,"Test failed: code",none,none,none,none',
    "2000,30,garment: time to result,,Number,users 1-1,false,,none,none,none,none",
)
LOOK = Look(at=1.0, machine_cpu_percent=50.0, machine_memory_percent=40.0, cores={"web": 0.5}, megabytes={"web": 100.0})


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    return read(written(tmp_path, *LINES))


def written(folder: Path, *lines: str) -> Path:
    file = folder / "results.jtl"
    file.write_text("\n".join([HEADER, *lines, ""]))
    return file


def observed(samples: list[Sample], **changes: Any) -> Observed:
    whole = Observed(samples, [LOOK, replace(LOOK, at=2.0)], account(samples), never_ended=0, exit_code=0, growth={"web": 0.0})
    return replace(whole, **changes)


def failed(held: list[Objective]) -> list[str]:
    return [one.name for one in held if not one.holds]


def test_a_job_has_its_own_times_where_the_answer_told_them(samples: list[Sample]) -> None:
    assert [(sample.job, sample.queued_ms, sample.run_ms) for sample in samples] == [
        ("a", None, None),
        ("a", 20, 200),
        ("", None, None),
        ("", None, None),
    ]
    assert [sample.whole_job for sample in samples] == [False, True, False, True]


def test_a_line_that_was_cut_is_left_out(tmp_path: Path) -> None:
    assert len(read(written(tmp_path, LINES[0], LINES[1][:60]))) == 1


def test_a_run_without_results_has_no_samples(tmp_path: Path) -> None:
    assert read(tmp_path / "nothing.jtl") == []


@pytest.mark.parametrize(("values", "share", "expected"), [([], 0.5, 0), ([7], 0.99, 7), ([1, 2, 3, 4], 0.5, 2), (range(1, 101), 0.95, 95)])
def test_a_percentile_is_a_value_that_was_seen(values: Any, share: float, expected: float) -> None:
    assert percentile(list(values), share) == expected


def test_a_job_whose_end_no_client_saw_is_counted(samples: list[Sample]) -> None:
    assert account(samples).unseen == frozenset()
    assert account(samples[:1]).unseen == {"a"}
    assert failed(judge(Limits(), observed(samples[:1]))) == ["jobs submitted whose end no client saw"]


def test_a_failed_sample_fails_the_run_unless_so_many_are_allowed(samples: list[Sample]) -> None:
    assert failed(judge(Limits(), observed(samples))) == ["failed samples, % (no sample at all: 100)"]
    assert failed(judge(Limits(failed_percent=50), observed(samples))) == []


def test_a_run_that_did_nothing_has_failed() -> None:
    assert failed(judge(Limits(), observed([]))) == ["failed samples, % (no sample at all: 100)"]


def test_a_death_a_crash_and_an_odd_end_fail_the_run(samples: list[Sample]) -> None:
    good = samples[:2]
    assert failed(judge(Limits(), observed(good))) == []
    assert failed(judge(Limits(), observed(good, looks=[replace(LOOK, died=("web",))]))) == ["processes that died"]
    assert failed(judge(Limits(), observed(good, looks=[replace(LOOK, crashes=1)]))) == ["crashes and losses charged to jobs"]
    assert failed(judge(Limits(), observed(good, exit_code=-9))) == ["JMeter's exit code"]
    assert failed(judge(Limits(), observed(good, never_ended=1))) == ["jobs submitted that never ended"]


def test_what_somebody_requires_is_judged(samples: list[Sample]) -> None:
    limits = Limits(failed_percent=100, result_p95_ms=299, submit_p95_ms=39, cpu_percent=49, memory_percent=39, growth=-1)
    assert len(failed(judge(limits, observed(samples)))) == 5


def test_growth_is_megabytes_an_hour_in_the_later_part_of_a_run() -> None:
    steps = [replace(LOOK, at=float(at), megabytes={"web": 500.0 if at < 20 else 100 + at / 36}) for at in range(60)]
    assert grown(steps)["web"] == pytest.approx(100)
    assert slope([(1, 5)]) == 0


def test_the_tail_of_growing_results_counts_whole_lines(tmp_path: Path) -> None:
    file = tmp_path / "results.jtl"
    tail = Tail(file)
    tail.read()
    file.write_text(f"{HEADER}\n{LINES[0]}\n{LINES[1]}\n{LINES[3][:20]}")
    tail.read()
    assert (tail.jobs, tail.failures) == (1, 0)
    written(tmp_path, *LINES[:2], LINES[3])
    tail.read()
    assert (tail.jobs, tail.failures) == (2, 1)


@pytest.mark.parametrize("count", [0, 4])
def test_a_report_is_one_page_that_shows_what_failed(count: int, samples: list[Sample]) -> None:
    run = observed(samples[:count], looks=[replace(LOOK, died=("faces <model>",)), replace(LOOK, at=2.0)])
    held = judge(Limits(), run)
    machine = {"date": "", "cpu": "", "cores": 2, "load_average": (0.0,), "system": "", "python": "", "sqlite": "", "packages": {}}
    facts = {"plan": "mixed", "about": "JMeter 5.5", "address": "", "machine": machine, "knobs": {"key": "..."}, "complaints": ["<b>"]}
    text = page({**facts, "own": True, "run": run, "objectives": held, "summary": summary("mixed", {}, run, held)})
    assert "2 of 6 objectives failed" in text
    assert ("<svg" in text) == bool(count)
    assert ("died: faces &lt;model&gt;" in text) == bool(count)
    assert "coordinated omission" in " ".join(text.split())
    assert ' src="' not in text and ' href="http' not in text and "<b>" not in text


def test_the_looks_of_a_long_run_are_drawn_as_means(samples: list[Sample]) -> None:
    hour = [samples[1], replace(samples[1], at=samples[1].at + 3600)]
    looks = [replace(LOOK, at=hour[0].at + second) for second in range(3600)]
    together = Plots(hour, looks).together()
    assert 100 <= len(together) <= 121
    assert [look for some in together for look in some] == looks
    assert len(Plots(samples, [LOOK, replace(LOOK, at=2.0)]).together()) == 2
