from __future__ import annotations

import pytest

from faces.inference.boxes import Box

BOX = Box(left=10, top=20, width=30, height=40)


@pytest.mark.parametrize(
    ("rotation", "box"),
    [(0, BOX), (90, Box(20, 60, 40, 30)), (180, Box(160, 40, 30, 40)), (270, Box(140, 10, 40, 30))],
)
def test_a_box_turns_back_with_its_picture(rotation: int, box: Box) -> None:
    assert BOX.turned_back(rotation, width=200, height=100) == box


def test_four_quarter_turns_lead_back() -> None:
    box = BOX
    for width, height in [(200, 100), (100, 200), (200, 100), (100, 200)]:
        box = box.turned_back(90, width, height)
    assert box == BOX


@pytest.mark.parametrize(("box", "share"), [(BOX, 1), (Box(-10, 0, 20, 20), 0.5), (Box(90, 90, 20, 20), 0.25), (Box(500, 0, 5, 5), 0)])
def test_the_share_inside_the_picture(box: Box, share: float) -> None:
    assert box.share_inside(100, 100) == share


def test_a_box_is_scaled_with_its_picture() -> None:
    assert BOX.scaled(0.5) == Box(5, 10, 15, 20)
