from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.tables import FORMULA, Cell, csv_text


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\uff1d1", "'\uff1d1"),
        (-1.5, "-1.5"),
        (7, "7"),
        (True, "true"),
        (None, ""),
        ("a=b", "a=b"),
    ],
)
def test_text_that_would_begin_a_formula_is_text_and_numbers_stay_numbers(cell: Cell, written: str) -> None:
    assert list(csv.reader(io.StringIO(csv_text(["name"], [[cell, "x"]]), newline=""))) == [["name"], [written, "x"]]


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=2, max_size=2), min_size=1))
def test_no_cell_begins_a_formula_and_none_is_lost(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(csv_text(["a", "b"], rows), newline="")))[1:]
    assert [[cell.removeprefix("'") if cell[1:].startswith(FORMULA) else cell for cell in row] for row in read] == rows
    assert not any(cell.startswith(FORMULA) for row in read for cell in row)
