"""The triggers see every write to a job's state, also a second end that looks like the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.storm.audit import Audit
from tests.postgres import Unavailable, private_postgres

TABLE = """
CREATE TABLE tasks_job (id text, operation text, state text, result text, error text, finished_at text, progress real, worker text,
    pid integer, attempts integer, crashes integer, losses integer)
"""
JOB = "INSERT INTO tasks_job VALUES ('a-b', 'echo', 'queued', NULL, NULL, NULL, 0, '', 0, 0, 0, 0)"
CLAIM = "UPDATE tasks_job SET state = 'running', worker = 'fakes-2@here', pid = 7 WHERE id = 'a-b'"
END = "UPDATE tasks_job SET state = 'failed', error = '{\"code\": \"timeout\"}' WHERE id = 'a-b'"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield ""
        return
    try:
        with private_postgres() as server:
            yield server.url
    except Unavailable as reason:
        pytest.skip(f"on PostgreSQL: {reason}")


@pytest.fixture
def audit(url: str, tmp_path: Path) -> Iterator[Audit]:
    with closing(Audit(url, tmp_path)) as audit:
        audit.connection.execute(TABLE)
        audit.install()
        yield audit


def written(audit: Audit, *statements: str) -> list[tuple[str, str]]:
    for statement in statements:
        audit.connection.execute(statement)
    return [(change.old, change.new) for change in audit.changes()]


def test_each_change_of_a_jobs_state_is_written_down_once(audit: Audit) -> None:
    assert written(audit, JOB, CLAIM, END) == [("", "queued"), ("queued", "running"), ("running", "failed")]
    last = audit.changes()[-1]
    assert (last.job, last.program, last.pid) == ("ab", "fakes-2", 7)


def test_progress_is_no_change_of_state(audit: Audit) -> None:
    assert len(written(audit, JOB, CLAIM, "UPDATE tasks_job SET progress = 0.5", "UPDATE tasks_job SET state = 'running'")) == 2


def test_an_end_that_is_written_twice_is_seen_twice(audit: Audit) -> None:
    assert written(audit, JOB, CLAIM, END, END)[2:] == [("running", "failed"), ("failed", "failed")]


def test_rows_and_what_runs_are_read(audit: Audit) -> None:
    written(audit, JOB, CLAIM)
    assert (audit.runs(7), audit.runs(8), audit.unfinished()) == (True, False, 1)
    written(audit, END)
    assert (audit.runs(7), audit.unfinished()) == (False, 0)
    assert audit.rows()["ab"].code == "timeout"
