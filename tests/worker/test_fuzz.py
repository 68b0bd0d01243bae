"""A minute of `make fuzz`: nothing is found, each operation is reached, and the books balance."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz.rounds import fuzz

pytestmark = pytest.mark.slow


def test_a_minute_of_odd_requests_finds_nothing(tmp_path: Path) -> None:
    """For longer, and on PostgreSQL: `make fuzz MINUTES=30 DATABASE=postgresql`."""
    findings = fuzz(tmp_path, database_url="", seconds=50, seed=1, say=print)
    assert findings.found == []
    assert findings.seeds == [1]
    assert findings.notes.cases > 100
    assert findings.notes.accepted
    statuses = {status for counts in findings.notes.answers.values() for status in counts}
    assert {200, 202, 204, 400, 401, 404, 405, 410} <= statuses
