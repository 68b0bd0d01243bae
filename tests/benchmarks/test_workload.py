"""The workload generator against `POST /` of a whole service: the same file names from two clients, and nobody gets another's answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.workload import all_right, different, measured, write
from tests.faces.pictures import astronaut, file_of

FACES = [astronaut(), astronaut().crop((100, 0, 360, 260))]


@pytest.mark.slow
def test_two_clients_that_share_file_names_get_their_own_answers() -> None:
    people = [(f"Eileen{number}", file_of(picture).getvalue()) for number, picture in enumerate(FACES)]
    facts = measured(people, requests=40, at_once=10)
    assert facts["fine"], facts
    assert facts["jobs"] == {"succeeded": 50}


def test_under_a_name_the_other_client_has_another_picture(tmp_path: Path) -> None:
    people = [("Ann", b"1"), ("Bob", b"2"), ("Ann", b"3")]
    (one, names), (other, others) = write(people, tmp_path / "one"), write(people, tmp_path / "other", shift=1)
    assert (one / "test_00.jpg").read_bytes() != (other / "test_00.jpg").read_bytes()
    assert (names.read_text().split()[1], others.read_text().split()[1]) == ("test_00,Ann", "test_00,Bob")
    assert different(one, names) == people


def test_a_request_that_was_not_counted_is_not_right() -> None:
    assert all_right({"requests": 2, "completed": 2, "failed": 0, "right": 2, "wrong": 0})
    assert not all_right({"requests": 2, "completed": 2, "failed": 0, "right": 1, "wrong": 1})
    assert not all_right({"requests": 2, "completed": 1, "failed": 1, "right": 1, "wrong": 0})
