"""Twenty random kills while 300 jobs flow: each job ends exactly once, and none fails for what it did not do."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.storm import report
from benchmarks.storm.plan import VICTIMS, Plan
from benchmarks.storm.storm import storm

pytestmark = pytest.mark.slow


def test_the_account_of_a_storm_balances(tmp_path: Path) -> None:
    """On PostgreSQL: `make storm DATABASE=postgresql`."""
    facts = report.facts(storm(Plan(jobs=300, kills=20), tmp_path, database_url="", say=print))
    assert facts["offenders"] == {}
    assert facts["balanced"]
    assert {kill["victim"] for kill in facts["kills"]} == set(VICTIMS)
    assert facts["figures"]["failed: worker_crashed"] >= 3
    assert facts["figures"]["accepted (answer read)"] >= 300
