from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.diarization import drawn, growth, missed


def recording(minutes: float, **changed: float) -> dict[str, Any]:
    timings = {"decoding": 10, "speech": 20, "voices": 30, "speakers": 1}
    good = {"cpu_per_second": 0.01, "loaded_mb": 600.0, "rss_mb": 650.0, "peak_mb": 700.0, "heard_mb": 5.0}
    return {"minutes": minutes, "timings_ms": timings, **good, **changed}


def facts(*recordings: dict[str, Any], memories: tuple[float, ...] = (600.0,) * 20) -> dict[str, Any]:
    return {"recordings": list(recordings), "jobs": {"rss_mb": list(memories)}}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (facts(recording(5), recording(30), recording(240)), []),
        (facts(recording(5, cpu_per_second=0.0121)), ["5 minutes: 0.0121 CPU s per second, at most 0.012"]),
        (facts(recording(0.5, cpu_per_second=0.05)), []),
        (facts(recording(5, peak_mb=751)), ["5 minutes: 751 MB, at most 750"]),
        (facts(recording(30), recording(240, peak_mb=900, heard_mb=40)), ["240 minutes: 900 MB, at most 880 beside 30 minutes"]),
        (facts(memories=(600.0,) * 10 + (640.0,) * 10), ["20 jobs: 6.7 % more memory, at most 5 %"]),
    ],
)
def test_what_is_over_a_limit_is_named(found: dict[str, Any], told: list[str]) -> None:
    assert missed(found) == told


def test_memory_that_the_first_jobs_take_is_no_growth() -> None:
    assert growth([500.0, 600.0, *[610.0] * 18]) == pytest.approx(0.0, abs=0.02)
    assert growth([]) == growth([600.0]) == 0


def test_what_was_found_is_drawn(tmp_path: Path) -> None:
    drawn(facts(recording(5), recording(30)), tmp_path / "plot.svg")
    assert "CPU s per second of sound" in (tmp_path / "plot.svg").read_text()
