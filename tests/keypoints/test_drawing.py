from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

from keypoints.drawing import png, svg
from keypoints.kind import KIND
from keypoints.serializers import PredictResultSerializer

EXAMPLE: dict[str, Any] = PredictResultSerializer.example


def test_the_drawing_has_the_pictures_size_its_points_and_its_lengths() -> None:
    drawing = svg(EXAMPLE, "job-1")
    assert 'width="1200" height="1600" viewBox="0 0 1200 1600"' in drawing
    assert re.findall(r'<circle cx="([0-9.]+)" cy="([0-9.]+)"', drawing) == [("331.5", "702.0"), ("824.0", "698.5")]
    assert "M331.5 702.0L824.0 698.5" in drawing
    assert ">chest width 51.3 ± 2.9 cm</text>" in drawing
    assert "<polygon" in drawing


def test_the_drawing_holds_no_script_and_loads_nothing() -> None:
    drawing = svg({**EXAMPLE, "category": "<script>alert(1)</script>"}, '"><script>')
    assert set(re.findall(r"<(\w+)", drawing)) == {"svg", "title", "polygon", "path", "circle", "rect", "text"}
    assert "href" not in drawing


def test_what_has_no_number_is_not_drawn() -> None:
    unmeasured = {**EXAMPLE["measurements"][0], "value_px": None, "value_cm": None, "plus_minus_cm": None, "quality": "rejected"}
    drawing = svg({**EXAMPLE, "measurements": [unmeasured], "scale": None}, "job-1")
    assert "<path" not in drawing
    assert "<polygon" not in drawing


def test_an_absent_point_is_not_drawn() -> None:
    points = [{**EXAMPLE["points"][0], "visibility": "absent"}, EXAMPLE["points"][1]]
    drawing = svg({**EXAMPLE, "points": points}, "job-1")
    assert drawing.count("<circle") == 1
    assert "<path" not in drawing


@pytest.mark.parametrize(("size", "expected"), [((1200, 1600), (1050, 1400)), ((300, 200), (300, 200)), ((1, 1), (1, 1))])
def test_the_picture_of_it_is_transparent_and_not_too_large(size: tuple[int, int], expected: tuple[int, int]) -> None:
    picture = Image.open(io.BytesIO(png({**EXAMPLE, "picture": {"width": size[0], "height": size[1]}}, "job-1")))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGBA", expected)


def test_both_show_the_same_places() -> None:
    picture = np.asarray(Image.open(io.BytesIO(png(EXAMPLE, "job-1"))))
    assert picture[round(702 * 7 / 8), round(331.5 * 7 / 8), 3] == 255
    assert picture[10, 10, 3] == 0


def test_the_operation_offers_both_and_links_the_first() -> None:
    renderers = KIND.operations["predict"].renderers
    assert {name: (kind.media_type, kind.link) for name, kind in renderers.items() if name in ("svg", "png")} == {
        "svg": ("image/svg+xml", "overlay"),
        "png": ("image/png", ""),
    }
