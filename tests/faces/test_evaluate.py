from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from faces.inference.evaluate import Evaluation, Portrait, enrol
from faces.inference.model import FaceModel
from faces.labelled import LabelError, read_folder
from faces.rates import Rate
from tests.faces.pictures import astronaut, file_of


def write(file: Path, header: str, rows: Iterable[tuple[str, ...]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows([header.split(","), *rows])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One person in three pictures, and a picture of nobody."""
    pictures = {"images/eileen/a.jpg": astronaut(), "images/eileen/b.jpg": ImageOps.mirror(astronaut())}
    pictures |= {"images/nobody/c.jpg": Image.new("RGB", (300, 200), "gray"), "workload/face_images_2/test_000.jpg": astronaut().rotate(8)}
    pictures |= {"workload/face_images_2/test_001.jpg": Image.new("RGB", (200, 300), "gray"), "selfie_cases/ok.jpg": astronaut()}
    for name, picture in pictures.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(file_of(picture).getvalue())
    a, b, nobody = list(pictures)[:3]
    write(tmp_path / "pairs.csv", "file_a,file_b,same,source", [(a, b, "1", "nasa"), (a, nobody, "0", "gray")])
    write(tmp_path / "gallery.csv", "person,file", [("eileen", a), ("eileen", b)])
    write(tmp_path / "workload/classification_results_2.csv", "Image,Results", [("test_000", "eileen"), ("test_001", "unknown")])
    write(tmp_path / "selfie_cases/cases.csv", "file,expect,note", [("ok.jpg", "ok", ""), ("ok.jpg", "too_dark", "a wrong label")])
    write(tmp_path / "challenge/challenge.csv", "frame_a,frame_b,truth,note", [(f"../{a}", f"../{a}", "flat_photo", "")])
    return tmp_path


def test_the_command_counts_what_is_right_and_writes_it_down(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("evaluate_faces", folder, json=tmp_path / "figures.json")
    figures, printed = json.loads((tmp_path / "figures.json").read_text()), capsys.readouterr().out
    assert (figures["landmarks"], figures["pairs_accuracy"], figures["pairs_unanswered"]) == (5, 0.5, 1)
    assert (figures["selfie_cases"], figures["selfie_cases_right"]) == (2, 1)
    assert (figures["workload_accuracy"], figures["wrong_names"], figures["unknowns_refused"]) == (1, 0, 1)
    assert figures["by_landmarks"]["68"]["challenges_right"] == figures["by_landmarks"]["68"]["challenges"] == 1
    assert "== 68 points" in printed and "ok.jpg: too_dark expected, usable said" in printed and "celebrities flatter" in printed


def test_faces_that_are_shrunk_are_judged_by_the_threshold_for_their_width(folder: Path, model: FaceModel) -> None:
    sizes = Evaluation(model, read_folder(folder)).face_sizes()
    assert sizes["60"]["fnmr"]["count"] == 2 and sizes["60"]["fmr"]["count"] == 0
    assert sizes["40"]["threshold"] < sizes["60"]["threshold"] and sizes["40"]["from_itself"] > sizes["80"]["from_itself"] > 0


def test_a_stranger_and_a_far_photo_of_a_mate_are_not_named(model: FaceModel, folder: Path) -> None:
    evaluation = Evaluation(model, read_folder(folder))
    portrait = evaluation.portrait(folder / "images/eileen/a.jpg")
    assert portrait
    far = Portrait(portrait.encoding + 0.1, portrait.width, alone=True)  # at a distance of 1.1
    gallery = [enrol("eileen", [portrait])]
    said = list(evaluation.outcomes(gallery, [("eileen", portrait), ("eileen", far)], [far]))
    assert said == ["mate", "mate right", "mate", "stranger"]
    assert list(evaluation.outcomes(gallery, [("another", portrait)], [portrait])) == ["mate", "mate wrong", "stranger", "stranger match"]


def test_a_folder_without_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"has no pairs\.csv"):
        call_command("evaluate_faces", tmp_path)


def test_an_expectation_that_nobody_knows_is_refused(folder: Path) -> None:
    write(folder / "selfie_cases/cases.csv", "file,expect,note", [("ok.jpg", "pretty", "")])
    with pytest.raises(LabelError, match="pretty"):
        read_folder(folder).cases()


@pytest.mark.parametrize(
    ("wrong", "count", "low", "high"), [(0, 100, 0, 0.037), (100, 100, 0.963, 1), (5, 100, 0.0215, 0.1118), (1, 1000, 0.0002, 0.0056)]
)
def test_intervals_are_wilsons(wrong: int, count: int, low: float, high: float) -> None:
    assert Rate(wrong, count).interval() == pytest.approx((low, high), abs=0.0001)


@given(st.integers(1, 10_000).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))))
def test_every_interval_holds_its_share(drawn: tuple[int, int]) -> None:
    rate = Rate(*drawn)
    interval, share = rate.interval(), rate.share
    assert interval and share is not None and 0 <= interval[0] <= share <= interval[1] <= 1


def test_nothing_tried_is_no_share() -> None:
    assert Rate(0, 0).as_json() == {"wrong": 0, "count": 0, "share": None, "interval": None}
