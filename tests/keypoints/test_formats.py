from __future__ import annotations

from django.utils.module_loading import import_string

from keypoints.kind import KIND

MEASURED = {"name": "chest_width", "px": 812.4, "cm": 50.1, "plus_minus_cm": 1.2, "approximate": False, "estimated": True}


def test_measurements_are_a_table() -> None:
    render = import_string(KIND.operations["predict"].renderers["csv"].function)
    table = render({"measurements": [MEASURED, {**MEASURED, "name": "hip_width", "cm": None, "plus_minus_cm": None}]}, "job-1")
    assert table.splitlines() == [
        "name,cm,plus_minus_cm,px,approximate,estimated",
        "chest_width,50.1,1.2,812.4,false,true",
        "hip_width,,,812.4,false,true",
    ]
