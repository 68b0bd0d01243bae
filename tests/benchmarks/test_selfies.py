"""The old selfie service beside ours: both answer, and the claim is judged by what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.blocking.server import Baseline
from benchmarks.inputs import write_inputs
from benchmarks.selfies import holds


@pytest.mark.slow
def test_the_old_way_finds_the_same_face_and_the_same_person(tmp_path: Path) -> None:
    write_inputs(tmp_path, names=())
    with Baseline(tmp_path / "old", kinds=["faces"], threads=2, old_selfies=True) as old:
        selfie, reference = ((tmp_path / name).read_bytes() for name in ("selfie.jpg", "reference.jpg"))
        judged = old.http.post("/api/v1/faces/validate", files={"selfie": selfie}).json()
        compared = old.http.post("/api/v1/faces/verify", files={"selfie": selfie, "reference": reference}).json()
        nothing = old.http.post("/api/v1/faces/validate", files={"selfie": b"no picture"})
    assert (judged["result"]["valid"], compared["result"]["verdict"]) == (True, "match")
    assert nothing.json()["error"]["code"] == "invalid_image"


def case(ours: float, p95: float) -> dict[str, Any]:
    old = {"jobs_per_second": 4.0, "p95_ms": 10_000.0}
    return {"rounds": [{"blocking": old, "FitSize": {"jobs_per_second": ours, "p95_ms": p95}}]}


@pytest.mark.parametrize(("ours", "p95", "fine"), [(16.0, 2000.0, True), (15.9, 2000.0, False), (16.0, 2001.0, False)])
def test_the_claim_is_four_times_the_throughput_and_a_fifth_of_p95(ours: float, p95: float, fine: bool) -> None:
    assert holds(case(ours, p95)) is fine


def test_where_the_old_way_answered_nothing_there_is_no_claim() -> None:
    silent = case(16.0, 100.0)
    silent["rounds"][0]["blocking"] = {"jobs_per_second": 0.0, "p95_ms": 0.0}
    assert not holds(silent)
