from __future__ import annotations

from django.utils.module_loading import import_string

from keypoints.kind import KIND

MEASURED = {
    "name": "chest_width",
    "value_cm": 50.1,
    "plus_minus_cm": 1.2,
    "value_px": 812.4,
    "quality": "ok",
    "definition": "armpit_to_armpit",
    "from": ["armpit_left", "armpit_right"],
    "approximate": False,
    "derived": True,
}


def test_measurements_are_a_table() -> None:
    render = import_string(KIND.operations["predict"].renderers["csv"].function)
    unmeasured = {**MEASURED, "name": "hip_width", "value_cm": None, "plus_minus_cm": None, "quality": "rejected"}
    table = render({"measurements": [MEASURED, unmeasured]}, "job-1")
    assert table.splitlines() == [
        "name,value_cm,plus_minus_cm,value_px,quality,definition,approximate,derived",
        "chest_width,50.1,1.2,812.4,ok,armpit_to_armpit,false,true",
        "hip_width,,,812.4,rejected,armpit_to_armpit,false,true",
    ]
