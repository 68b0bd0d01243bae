"""A face worker that aborts under callers costs one attempt of one job each time, and nobody gets another one's answer."""

from __future__ import annotations

import pytest

from benchmarks.aborts.__main__ import hammered


@pytest.mark.slow
def test_aborts_of_the_worker_cost_one_attempt_each_and_no_answer() -> None:
    facts = hammered(clients=6, seconds=15, every=12)
    assert facts["fine"], facts
