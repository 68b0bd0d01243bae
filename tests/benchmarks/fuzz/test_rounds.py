"""The books of a fuzzer that finds nothing must be able to find something."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from benchmarks.fuzz.notes import Notes
from benchmarks.fuzz.oddities import Reply, Request
from benchmarks.fuzz.rounds import accepted, strays
from tests.stack import Stack

JOB = b'{"id": "0d5f3c2e-6c1b-4c8e-9b1a-2f4d8e7a6b53"}'


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Never started."""
    made = Stack(tmp_path)
    for folder in ("files/inputs/ab", "incoming"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(tmp_path / "fitsize.sqlite3") as database:
        database.execute("CREATE TABLE tasks_job (id integer, inputs_kept boolean)")
        database.execute("CREATE TABLE tasks_input (file text, job_id integer)")
        database.execute("CREATE TABLE tasks_savedfile (file text)")
        database.execute("INSERT INTO tasks_job VALUES (1, true), (2, false)")
        database.execute("INSERT INTO tasks_input VALUES ('inputs/ab/kept', 1), ('inputs/ab/gone', 2)")
    database.close()
    return made


def test_a_file_without_a_row_is_a_stray(stack: Stack) -> None:
    (stack.folder / "files/inputs/ab/kept").touch()
    assert strays(stack) == set()
    (stack.folder / "files/inputs/ab/gone").touch()
    (stack.folder / "incoming/tmp1.upload").touch()
    assert strays(stack) == {"inputs/ab/gone", str(stack.folder / "incoming/tmp1.upload")}


def test_an_answer_to_a_submit_names_the_job_that_it_accepted() -> None:
    submit = Request("POST", b"/api/v1/keypoints")
    assert accepted(submit, Reply(202, "application/json", JOB)) == "0d5f3c2e-6c1b-4c8e-9b1a-2f4d8e7a6b53"
    assert accepted(submit, Reply(400, "application/json", b"{}")) is None
    assert accepted(Request("GET", b"/api/v1/jobs"), Reply(200, "application/json", JOB)) is None


def test_notes_are_read_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    lines = (
        '{"operation": "GET /livez", "status": 200, "accepted": null}',
        '{"pardoned": "why"}',
        '{"operation": "POST /x", "status": 202, "accepted": "1"}',
    )
    file.write_text("\n".join(lines) + "\n")
    notes = Notes()
    notes.read(file)
    assert (notes.cases, notes.accepted, notes.pardoned["why"]) == (2, {"1"}, 1)
