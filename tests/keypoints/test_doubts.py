from __future__ import annotations

import pytest

from keypoints.doubts import Seen, doubted, doubts
from keypoints.geometry import Point, measure
from keypoints.landmarks import NO_GARMENT
from tests.keypoints.results import PLACES

SURE = Seen("skirt", 0.98, asked=0.98, worn=0.01)


@pytest.mark.parametrize(
    ("seen", "codes", "best"),
    [
        (None, [], "ok"),
        (SURE, [], "ok"),
        (Seen("trousers", 0.9, asked=0.02, worn=0.0), ["category_mismatch"], "check"),
        (Seen("trousers", 0.5, asked=0.45, worn=0.0), [], "ok"),
        (Seen("skirt", 0.9, asked=0.9, worn=0.8), ["worn_garment"], "rejected"),
        (Seen("trousers", 0.9, asked=0.02, worn=0.8), ["category_mismatch", "worn_garment"], "rejected"),
        (Seen(NO_GARMENT, 0.9, asked=0.01, worn=0.0), ["no_garment"], "rejected"),
        (Seen(NO_GARMENT, 0.4, asked=0.3, worn=0.0), [], "ok"),
    ],
)
def test_what_speaks_against_the_measurements_lowers_them(seen: Seen | None, codes: list[str], best: str) -> None:
    assert [doubt.warning["code"] for doubt in doubts(seen)] == codes
    measured = measure([Point(name, x, y, 0.95) for name, (x, y) in PLACES.items()], None)
    before, after = ([one.quality for one in them] for them in (measured, doubted(measured, seen)))
    assert "ok" in before
    worst = {"ok": before, "check": ["check"] * len(before), "rejected": ["rejected"] * len(before)}[best]
    assert after == worst


def test_the_mismatch_names_what_the_picture_looks_like() -> None:
    (doubt,) = doubts(Seen("trousers", 0.9, asked=0.02, worn=0.0))
    assert "trousers" in doubt.warning["detail"]
