"""The database at the worst moment: between a prediction and its record. On both databases, each with its own trouble."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.postgres import Postgres
from tests.stack import Stack, eventually
from tests.worker.gates import Gate
from tests.worker.proxy import losing_an_answer

pytestmark = pytest.mark.slow
LOCKED_SECONDS = 15  # longer than the deadline of a narrow gate, and than SQLite's patience of 10 s
STOPPED_SECONDS = 7  # longer than the deadline


@pytest.fixture(scope="module")
def stack(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), database_url, workers=("fakes", "fakes-2"), clock=True) as running:
        yield running


@contextmanager
def stopped(server: Postgres) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


@pytest.fixture
def away(stack: Stack, request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[None]]:
    """SQLite is locked by somebody else, PostgreSQL is restarted."""
    if stack.database_url:
        return lambda: stopped(request.getfixturevalue("postgres"))
    return stack.locked


def test_results_outlive_a_database_that_is_away_when_they_come_also_across_the_deadline(
    stack: Stack, away: Callable[[], AbstractContextManager[None]], tmp_path: Path
) -> None:
    gates = [Gate(stack, tmp_path, operation) for operation in ("gate", "narrow_gate")]
    with away():
        for gate in gates:
            gate.open()
        time.sleep(STOPPED_SECONDS if stack.database_url else LOCKED_SECONDS)
    for gate in gates:
        assert (gate.ended()["state"], gate.ended()["result"]) == ("succeeded", {"pid": gate.pids()[0]})
        assert (len(gate.pids()), stack.charges(gate.job)) == (1, (1, 0, 0))


def test_a_commit_whose_answer_is_lost_is_kept_once(stack: Stack, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if not stack.database_url:
        pytest.skip("SQLite answers inside the process: tests/tasks/test_run_jobs.py")
    server: Postgres = request.getfixturevalue("postgres")
    with tempfile.TemporaryDirectory() as folder, losing_an_answer(server.folder, Path(folder)) as proxy:
        stack.only()
        stack.start_worker("fakes", DATABASE_URL=proxy.url)
        gate = Gate(stack, tmp_path)
        proxy.armed.set()
        gate.open()
        assert gate.ended()["result"] == {"pid": gate.pids()[0]}
        eventually(lambda: f"event=succeeded job={gate.job['id']}" in stack.log("fakes"))
        assert (proxy.armed.is_set(), len(gate.pids()), stack.charges(gate.job)) == (False, 1, (1, 0, 0))
        assert "its end could not be written, it is tried again" in stack.log("fakes")
        stack.only()
    stack.only("fakes", "fakes-2")


def last_beat(stack: Stack) -> datetime:
    [(moment,)] = stack.select("SELECT max(seen_at) FROM tasks_worker")
    found = datetime.fromisoformat(str(moment))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def test_a_clock_that_jumps_by_an_hour_and_back_convicts_nobody(stack: Stack, tmp_path: Path) -> None:
    gate = Gate(stack, tmp_path)
    try:
        stack.move_clock(3600)
        eventually(lambda: last_beat(stack) > datetime.now(UTC) + timedelta(minutes=50))  # it did jump, for the workers too
        time.sleep(7)  # three looks of housekeeping
    finally:
        stack.move_clock(0)
    eventually(lambda: last_beat(stack) < datetime.now(UTC) + timedelta(minutes=10))
    gate.open()
    assert gate.ended()["state"] == "succeeded"
    assert (len(gate.pids()), stack.charges(gate.job)) == (1, (1, 0, 0))
