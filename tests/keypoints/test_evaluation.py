from __future__ import annotations

import json

import numpy as np
import pytest

from keypoints import evaluation
from keypoints.evaluation import Judged, PointError, Weighted, auroc, calibration, compared, figures, judged, report
from keypoints.geometry import Point

SQUARE = {"waist_left": (0.0, 0.0), "waist_right": (60.0, 0.0), "hem_left": (0.0, 80.0), "hem_right": (60.0, 80.0)}
"""A skirt whose labels' box has a diagonal of 100."""


def found(**moved: float) -> list[Point]:
    """The points of SQUARE, those named moved to the right by so much."""
    return [Point(name, x + moved.get(name, 0.0), y, 0.9) for name, (x, y) in SQUARE.items()]


def photo(*errors: float, file: str = "a.jpg", confidence: float = 0.9) -> Judged:
    return Judged(file, "skirt", tuple(PointError("hem_left", error, confidence) for error in errors), {})


@pytest.fixture(autouse=True)
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "RESAMPLES", 400)


def test_errors_are_shares_of_the_diagonal_of_the_labels_box() -> None:
    verdict = judged("a.jpg", "skirt", SQUARE, found(waist_left=4.0))
    assert [point.error for point in verdict.points] == pytest.approx([0.04, 0, 0, 0])


def test_a_length_is_judged_where_all_its_points_are_labelled() -> None:
    verdict = judged("a.jpg", "skirt", SQUARE, found(waist_left=6.0))
    assert verdict.lengths is not None
    assert verdict.lengths["waist_width"] == pytest.approx(0.1)
    assert set(judged("a.jpg", "skirt", {"hem_left": (0, 80), "hem_right": (60, 80)}, found()).lengths or {}) == {"hem_width"}


def test_figures_are_what_their_names_say() -> None:
    said = figures(np.array([0.01, 0.02, 0.04, 0.09]))
    assert said == pytest.approx({"pck_02": 0.25, "pck_05": 0.75, "pck_10": 1.0, "nme": 0.04, "median": 0.03})


def test_a_report_is_json_and_has_the_promised_names() -> None:
    said = json.loads(json.dumps(report([judged("a.jpg", "skirt", SQUARE, found(hem_left=7.0))])))
    assert (said["photos"], said["points"], said["pck_05"], said["nme"]) == (1, 4, 0.75, pytest.approx(0.0175))
    assert said["by_landmark"]["hem_left"]["pck_10"] == 1
    assert said["by_category"]["skirt"]["points"] == 4
    assert said["lengths"]["hem_width"] == pytest.approx({"count": 1, "median": 7 / 60, "within_05": 0, "within_10": 0})


def test_points_of_photos_that_count_twice_count_twice() -> None:
    photos = [photo(0.01, 0.06, 0.03), photo(0.2), photo(0.5, 0.02)]
    twice = np.array([0.01, 0.06, 0.03, 0.01, 0.06, 0.03, 0.5, 0.02])
    assert Weighted(photos)(np.array([2, 0, 1])) == pytest.approx(list(figures(twice).values()))


def test_an_interval_is_wider_where_points_of_a_photo_err_together() -> None:
    together = report([photo(*([0.01] * 8 if number % 4 else [0.2] * 8)) for number in range(40)])["intervals"]["pck_05"]
    apart = report([photo(*[0.01] * 6, 0.2, 0.2) for _ in range(40)])["intervals"]["pck_05"]
    assert apart == [0.75, 0.75]
    assert together[0] < 0.65 < 0.85 < together[1]


def test_the_same_answers_do_not_differ() -> None:
    photos = [photo(0.01, 0.2, file=f"{number}.jpg") for number in range(10)]
    assert compared(photos, photos)["pck_05"] == {"difference": 0, "interval": [0, 0], "p": 1}


def test_a_difference_on_every_photo_is_no_chance() -> None:
    better = [photo(0.01, 0.2, file=f"{number}.jpg") for number in range(10)]
    worse = [photo(0.06, 0.2, file=f"{number}.jpg") for number in range(10)]
    said = compared(better, worse)["pck_05"]
    assert (said["difference"], said["interval"]) == (0.5, [0.5, 0.5])
    assert said["p"] == pytest.approx(2 / 400)


def test_a_difference_on_one_photo_may_be_chance() -> None:
    theirs = [photo(0.2, file=f"{number}.jpg") for number in range(10)]
    assert compared([photo(0.01, file="0.jpg"), *theirs[1:]], theirs)["pck_05"]["p"] > 0.05


def test_answers_on_other_photos_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="not the same photos"):
        compared([photo(0.1, file="a.jpg")], [photo(0.1, file="b.jpg")])


def test_each_band_of_confidence_tells_its_share_of_wrong_points() -> None:
    points = [PointError("hem_left", error, sure) for error, sure in [(0.01, 1.0), (0.06, 0.95), (0.01, 0.84), (0.2, 0.1), (0.3, 0.0)]]
    bands = calibration(points)["bands"]
    assert [(band["from"], band["points"], band["wrong"]) for band in bands] == [(0.95, 2, 0.5), (0.7, 1, 0), (0.0, 2, 1)]
    assert [band["p90"] for band in bands] == pytest.approx([0.055, 0.01, 0.29])


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [([0.9, 0.8], [0.1, 0.2], 1), ([0.1], [0.9], 0), ([0.5], [0.5], 0.5), ([0.9, 0.3], [0.5], 0.5), ([0.9], [], None)],
)
def test_auroc_is_the_chance_that_the_right_one_is_surer(right: list[float], wrong: list[float], expected: float | None) -> None:
    assert auroc(np.array(right), np.array(wrong)) == expected


def test_what_each_category_was_seen_as_is_counted() -> None:
    photos = [Judged("a", "skirt", seen="skirt"), Judged("b", "skirt", seen="shorts"), Judged("c", "no_garment", seen="no_garment")]
    said = evaluation.categories(photos)
    assert said == {
        "photos": 3,
        "right": pytest.approx(2 / 3),
        "confusion": {"no_garment": {"no_garment": 1}, "skirt": {"shorts": 1, "skirt": 1}},
    }
    assert evaluation.categories([Judged("a", "skirt")]) is None
