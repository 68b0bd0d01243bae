"""`manage.py evaluate_keypoints`, on rendered photos and on the labelled real ones beside the checkout, which are not part of it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from keypoints import evaluation
from keypoints.landmarks import CATEGORY
from keypoints.training.sample_photo import SamplePhoto

ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT.parent / "shared/data/garments/dev"


@pytest.fixture
def folder(photo: SamplePhoto, tmp_path: Path) -> Path:
    """A rendered T-shirt with its true points, and a photo of nothing."""
    Image.fromarray(photo.picture).save(tmp_path / "shirt.jpg")
    Image.new("RGB", (30, 40), "gray").save(tmp_path / "nothing.png")
    names = CATEGORY["short_sleeve_top"].points
    landmarks = [{"df2_number": names.index(name) + 1, "x": x, "y": y} for name, (x, y) in photo.points.items()]
    images = [
        {"file": "shirt.jpg", "category": "short_sleeve_top", "landmarks": landmarks},
        {"file": "nothing.png", "category": "no_garment"},
    ]
    (tmp_path / "labels.json").write_text(json.dumps({"images": images}))
    return tmp_path


def evaluated(folder: Path, **options: Any) -> tuple[str, dict[str, Any]]:
    """What is printed, and the JSON."""
    said, file = io.StringIO(), folder / "figures.json"
    call_command("evaluate_keypoints", folder, json=file, **options, stdout=said)
    figures: dict[str, Any] = json.loads(file.read_text())
    return said.getvalue(), figures


def test_figures_are_printed_and_written(folder: Path, photo: SamplePhoto) -> None:
    said, figures = evaluated(folder)
    assert (figures["photos"], figures["points"], figures["pck_05"]) == (1, len(photo.points), 1)
    assert 0 < figures["median"] < 0.03
    assert 0 < figures["nme"] < 0.03
    assert set(figures["lengths"]) > {"all", "chest_width", "body_length"}
    assert (figures["categories"]["right"], figures["categories"]["photos"]) == (1, 2)
    assert all(text in said for text in ("garments-3", "pck_05", "by landmark", "AUROC", "chest_width"))


def test_figures_are_compared_with_those_of_other_weights(folder: Path) -> None:
    evaluated(folder)
    other = folder / "other.json"
    figures = json.loads((folder / "figures.json").read_text())
    for point in figures["by_photo"][0]["points"]:
        point["error"] = 0.3
    other.write_text(json.dumps(figures))
    said, figures = evaluated(folder, against=other)
    assert figures["against"]["comparison"]["pck_05"]["difference"] == 1
    assert f"beside {other}" in said


@pytest.mark.parametrize("content", ["[]", "nonsense", '{"by_photo": [{}]}'])
def test_what_holds_no_figures_is_no_comparison(folder: Path, content: str) -> None:
    other = folder / "other.json"
    with pytest.raises(CommandError, match="cannot be read"):
        evaluated(folder, against=other)
    other.write_text(content)
    with pytest.raises(CommandError, match="holds no figures"):
        evaluated(folder, against=other)


def test_a_bad_folder_is_a_clear_error_with_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text("nonsense")
    command = [sys.executable, "manage.py", "evaluate_keypoints", str(tmp_path)]
    environment = {"PATH": "", "FITSIZE_DATA": str(tmp_path / "data")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "labels.json is not JSON" in done.stderr


def test_a_picture_that_is_none_is_a_clear_error(folder: Path) -> None:
    (folder / "shirt.jpg").write_text("nonsense")
    with pytest.raises(CommandError, match="shirt.jpg: invalid_image"):
        evaluated(folder)


def test_weights_that_are_none_are_a_clear_error(folder: Path) -> None:
    with pytest.raises(CommandError, match="nowhere.pth cannot be read: No such file"):
        evaluated(folder, weights=Path("/nowhere.pth"))


def test_a_folder_without_landmarks_has_nothing_to_judge(folder: Path) -> None:
    (folder / "labels.json").write_text(json.dumps({"images": [{"file": "nothing.png", "category": "no_garment"}]}))
    with pytest.raises(CommandError, match="no photo has landmarks"):
        evaluated(folder)


@pytest.mark.skipif(not DEV.is_dir(), reason=f"the labelled photos are not at {DEV}")
def test_on_real_photos_the_figures_are_those_of_the_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "RESAMPLES", 200)
    file = tmp_path / "figures.json"
    call_command("evaluate_keypoints", DEV, json=file, stdout=io.StringIO())
    figures = json.loads(file.read_text())
    assert (figures["photos"], figures["points"]) == (38, 359)
    assert figures["pck_05"] >= 0.87  # measured: .897
    assert figures["median"] <= 0.014  # measured: .0116
    assert figures["intervals"]["pck_05"][0] < figures["pck_05"] < figures["intervals"]["pck_05"][1]
