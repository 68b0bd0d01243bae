from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.faces import Measured, slope

GOOD = Measured("torch", validate_milliseconds=30, verify_milliseconds=90, most_megabytes=400, slope=1)


def test_memory_that_grows_by_a_megabyte_in_fifty_jobs_has_a_slope_of_20_kb_a_job() -> None:
    assert slope([400, 401, 402, 403]) == pytest.approx(20)
    assert slope([400, 400, 400]) == 0 and slope([400]) == 0


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        (GOOD, []),
        (replace(GOOD, verify_milliseconds=101), ["more than 50 ms of CPU a picture"]),
        (replace(GOOD, encoder="dlib", verify_milliseconds=200, most_megabytes=221), ["more than 220 MB with dlib"]),
        (replace(GOOD, slope=11), ["more than 10 kB a job with torch"]),
    ],
)
def test_what_is_over_a_limit_is_named(changed: Measured, missed: list[str]) -> None:
    assert changed.misses == missed
