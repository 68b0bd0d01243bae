"""A part is steep if the longest queue slows it down in most rounds."""

from __future__ import annotations

import pytest

from benchmarks.depth import steep, text


def rounds(*slow: float) -> dict[str, object]:
    return {
        "database": "sqlite",
        "depths": [10, 1000],
        "rounds": [[{"claim": 2.0, "list": 1.0}, {"claim": 2.0 * times, "list": 1.0}] for times in slow],
    }


@pytest.mark.parametrize(("slow", "found"), [((1.0, 9.0, 1.0), []), ((2.0, 2.0, 2.0), []), ((2.1, 9.0, 1.0), ["claim"])])
def test_what_takes_twice_as_long_in_most_rounds_is_steep(slow: tuple[float, ...], found: list[str]) -> None:
    assert steep(rounds(*slow)) == found


def test_the_table_has_the_ratio_of_a_round_and_its_spread() -> None:
    assert "3.00 (1.00-4.00)" in text(rounds(1.0, 3.0, 4.0))
