from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from faces.inference.matching import calibration, fmr_for, fpir, mean_template, read_calibration, verdict

OURS = Path(__file__).resolve().parents[2] / "faces" / "calibration.json"


@pytest.mark.parametrize(
    ("distance", "said"), [(0, "match"), (0.572, "match"), (0.5721, "unsure"), (0.6, "unsure"), (0.601, "no_match"), (1.2, "no_match")]
)
def test_two_photos_have_three_verdicts(distance: float, said: str) -> None:
    assert verdict(distance, calibration().threshold()) == said


@pytest.mark.parametrize(("photos", "value"), [(1, 0.572), (2, 0.542), (3, 0.512), (4, 0.5045), (5, 0.497), (50, 0.497)])
def test_the_threshold_falls_with_the_number_of_enrolled_photos(photos: int, value: float) -> None:
    assert calibration().threshold(photos=photos).value == value


def test_the_threshold_falls_for_faces_below_60_pixels() -> None:
    values = [calibration().threshold(face_pixels=width).value for width in (10, 30, 40, 50, 60, 600)]
    assert values == sorted(values) and values[0] == values[1] and values[-1] == values[-2] == 0.572


@pytest.mark.parametrize("people", [1, 9, 24, 1000, 100_000])
def test_the_larger_the_gallery_the_stricter_and_never_more_strangers_than_asked(people: int) -> None:
    threshold = calibration().threshold(gallery_size=people)
    assert threshold.fpir <= 0.010001 and threshold.value <= calibration().threshold(gallery_size=max(1, people // 2)).value
    assert threshold.gallery_size == people


def test_a_small_gallery_is_no_reason_to_be_less_strict_than_with_two_photos() -> None:
    assert calibration().threshold(gallery_size=5) == calibration().threshold(gallery_size=5, photos=1)
    assert calibration().threshold(gallery_size=5).value == calibration().threshold().value


def test_an_answer_says_only_what_it_rests_on() -> None:
    plain, moved = calibration().threshold(), calibration().threshold(photos=3, face_pixels=40)
    assert "379 000 pairs" in plain.source and "means of 3" not in plain.source
    assert "means of 3" in moved.source and "shrunk to this width" in moved.source


@given(st.floats(1e-7, 0.5), st.integers(1, 1_000_000))
def test_the_rate_of_a_search_and_of_one_comparison_belong_together(share: float, people: int) -> None:
    assert fpir(fmr_for(share, people), people) == pytest.approx(share, rel=1e-6)


@given(st.integers(1, 12), st.floats(5, 500), st.integers(1, 10_000_000))
def test_every_threshold_is_a_distance_below_its_unsure_one(photos: int, pixels: float, people: int) -> None:
    threshold = calibration().threshold(photos, pixels, people)
    assert 0 <= threshold.value <= threshold.unsure_to <= 0.6


def test_the_mean_of_photos_is_one_encoding() -> None:
    encodings = np.array([[0.0] * 128, [1.0] * 128], np.float32)
    assert mean_template(encodings).tolist() == [0.5] * 128 and mean_template(encodings).dtype == np.float32


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told.pop("single_photo"),
        lambda told: told["single_photo"]["fmr"].reverse(),
        lambda told: told["single_photo"]["fmr"].__setitem__(0, 0),
        lambda told: told["face_pixels"]["width"].pop(),
        lambda told: told.update(unsure_times="three"),
    ],
)
def test_what_is_no_calibration_stops_the_worker_by_name(tmp_path: Path, spoil: Callable[[dict[str, Any]], Any]) -> None:
    told = json.loads(OURS.read_text())
    spoil(told)
    file = tmp_path / "spoiled.json"
    file.write_text(json.dumps(told))
    with pytest.raises(ImproperlyConfigured, match=r"FACE_CALIBRATION: .*spoiled\.json"):
        read_calibration(file, 0.001, 0.01)


def test_a_file_that_is_not_there_stops_the_worker_by_name(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="FACE_CALIBRATION"):
        read_calibration(tmp_path / "none.json", 0.001, 0.01)


def test_no_threshold_is_said_to_stand_for_more_than_was_measured() -> None:
    threshold = read_calibration(OURS, 0.05, 0.5).threshold()
    assert (threshold.value, threshold.as_json()["fmr"]) == (0.6, 0.0029)
