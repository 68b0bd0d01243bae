"""The scenes in which the scale is judged."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.scale import Row, Scenery, row, rows, text
from keypoints.references import Asked


def test_the_same_seed_renders_the_same_scene() -> None:
    one, other = (Scenery(4).scene("a4", (0, 8)) for _ in range(2))
    assert (one.picture == other.picture).all()
    assert one.centimetres.tolist() == other.centimetres.tolist()
    assert one.asked == Asked("a4")


def test_rows_are_a_table() -> None:
    found = list(rows(["corners"], 1, 0, []))
    assert [one.tilts for one in found] == [(0, 8), (8, 25)]
    assert "corners" in text(found)
    assert json.loads(json.dumps(found[0].facts()))["scenes"] == 1


def test_a_wrong_scale_without_a_warning_is_counted() -> None:
    scenery = Scenery(1)
    scene = scenery.scene("sheet", (0, 8))
    lying = type(scene)(scene.picture, scene.ends, scene.centimetres * 1.2, scene.asked)
    found = Row("sheet", (0, 8))
    found.add(scene)
    assert (found.wrong_without_warning, len(found.errors)) == (0, 3)
    found.add(lying)
    assert found.wrong_without_warning == 1


@pytest.mark.parametrize("reference", ["sheet", "marker"])
def test_what_does_not_lie_there_is_not_found(reference: str) -> None:
    found = row(Row(f"no {reference}", (0, 25)), Scenery(3), reference, 1, laid=False)
    assert found.not_found == 1
    assert found.errors == []
    assert np.isfinite(found.cpu_ms).all()
