from __future__ import annotations

import json
from pathlib import Path

import pytest

from diarization import evaluation
from diarization.evaluation import Judged, compared, read_report, reliability, report


def judged(file: str, wrong: float, total: float = 10.0, *, found: int = 2) -> Judged:
    seconds = {"miss": wrong, "false_alarm": 0.0, "confusion": 0.0, "total": total}
    return Judged(file, 20.0, seconds, seconds, speakers_true=2, speakers_found=found)


@pytest.fixture(autouse=True)
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "RESAMPLES", 400)


def test_rates_are_of_all_speech_and_not_means_over_files() -> None:
    assert report([judged("a_1.wav", 1, total=10), judged("a_2.wav", 9, total=90)])["der_strict"] == 10


def test_groups_are_told_by_the_beginning_of_names() -> None:
    groups = report([judged("ami_1.wav", 1), judged("ami_2.wav", 3), judged("call.mp3", 5)])["by_group"]
    assert {name: row["der_strict"] for name, row in groups.items()} == {"ami": 20, "call": 50}


def test_joined_recordings_are_printed_but_not_counted() -> None:
    figures = report([judged("ami_1.wav", 1), judged("ami_1-2_concat.wav", 9)])
    assert (figures["der_strict"], figures["recordings"], figures["by_group"]["concat"]["der_strict"]) == (10, 1, 90)
    assert [row["file"] for row in figures["files"]] == ["ami_1.wav", "ami_1-2_concat.wav"]


def test_intervals_hold_the_rate_and_collapse_for_one_file() -> None:
    several = report([judged(f"a_{wrong}.wav", wrong) for wrong in range(8)])
    low, high = several["intervals"]["der_strict"]
    assert low < several["der_strict"] < high
    assert report([judged("a.wav", 1)])["intervals"]["der_strict"] == [10, 10]


def test_counting_of_speakers_is_judged() -> None:
    figures = report([judged("a.wav", 1), judged("b.wav", 1, found=5)])
    assert (figures["count_exact"], figures["count_error"]) == (0.5, 1.5)


def test_reliability_weighs_turns_by_their_time() -> None:
    (low, high) = reliability([(1.0, 0.95, 1.0), (3.0, 0.91, 1.0), (2.0, 0.1, 0.0)])
    assert (low["turns"], low["right"]) == (1, 0)
    assert (high["turns"], high["seconds"], high["right"]) == (2, 4, 0.5)
    assert high["confidence"] == pytest.approx(0.92)
    assert reliability([(1.0, 1.0, 1.0)])[0]["to"] == 1.0
    assert reliability([]) == []


def test_a_report_is_read_again(tmp_path: Path) -> None:
    files = [judged("a.wav", 1), judged("b.wav", 2)]
    (tmp_path / "figures.json").write_text(json.dumps(report(files)))
    assert read_report(tmp_path / "figures.json") == files


@pytest.mark.parametrize("content", ["[]", "nonsense", '{"files": [{}]}'])
def test_what_holds_no_figures_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "figures.json").write_text(content)
    with pytest.raises(ValueError, match="holds no figures"):
        read_report(tmp_path / "figures.json")


def test_a_difference_everywhere_is_no_chance_and_one_here_and_there_is() -> None:
    before = [judged(f"a_{number}.wav", 3) for number in range(10)]
    better = compared([judged(f"a_{number}.wav", 2) for number in range(10)], before)["der_strict"]
    assert (better["before"], better["difference"], better["p"]) == (30, pytest.approx(-10), 2 / 400)
    mixed = compared([judged(f"a_{number}.wav", 2 + 2 * (number % 2)) for number in range(10)], before)["der_strict"]
    assert mixed["p"] > 0.3
    assert mixed["interval"][0] < 0 < mixed["interval"][1]


def test_other_recordings_are_no_comparison() -> None:
    with pytest.raises(ValueError, match="same recordings"):
        compared([judged("a.wav", 1)], [judged("b.wav", 1)])
