from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keypoints.coco import dataset
from keypoints.corrections import move
from keypoints.labelled import LabelError, read_labels
from tests.keypoints.results import skirt

HEM: list[dict[str, Any]] = [{"df2_number": 5, "x": 10, "y": 90}, {"df2_number": 7, "x": 70.5, "y": 92}]
SKIRT: dict[str, Any] = {"file": "skirt.jpg", "category": "skirt", "landmarks": HEM}


def folder_of(folder: Path, *images: Any) -> Path:
    (folder / "skirt.jpg").touch()
    (folder / "labels.json").write_text(json.dumps({"images": images}))
    return folder


def test_landmarks_get_the_names_of_their_numbers(tmp_path: Path) -> None:
    (photo,) = read_labels(folder_of(tmp_path, SKIRT))
    assert photo.category is not None
    assert (photo.path, photo.category.name) == (tmp_path / "skirt.jpg", "skirt")
    assert photo.points == {"hem_left": (10, 90), "hem_right": (70.5, 92)}


def test_a_photo_without_a_garment_needs_no_landmarks(tmp_path: Path) -> None:
    (photo,) = read_labels(folder_of(tmp_path, {"file": "skirt.jpg", "category": "no_garment"}))
    assert (photo.category, photo.points) == (None, {})


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ({**SKIRT, "file": "hat.jpg"}, r"images\[0\] \(hat.jpg\): there is no such picture"),
        ({**SKIRT, "file": 3}, "'file' is missing, or no text"),
        ("skirt.jpg", "'file' is missing, or no text"),
        ({**SKIRT, "category": "hat"}, "no category is called 'hat'"),
        ({**SKIRT, "landmarks": None}, "'landmarks' is missing, or no list"),
        ({**SKIRT, "landmarks": [HEM[0]]}, "fewer than two places"),
        ({**SKIRT, "landmarks": [HEM[0], {**HEM[0], "df2_number": 7}]}, "fewer than two places"),
        ({**SKIRT, "landmarks": [*HEM, HEM[0]]}, "hem_left is labelled twice"),
        ({**SKIRT, "landmarks": [HEM[0], {**HEM[1], "df2_number": 9}]}, r"landmarks\[1\]: 'df2_number' is not one of 1..8"),
        ({**SKIRT, "landmarks": [HEM[0], {**HEM[1], "df2_number": True}]}, "'df2_number' is not one of 1..8"),
        ({**SKIRT, "landmarks": [HEM[0], {**HEM[1], "x": "7"}]}, "'x' and 'y' are not both numbers"),
        ({**SKIRT, "landmarks": [HEM[0], {**HEM[1], "y": float("nan")}]}, "'x' and 'y' are not both numbers"),
        ({**SKIRT, "landmarks": [HEM[0], 7]}, r"landmarks\[1\]: 'df2_number' is not one of"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, image: Any, said: str) -> None:
    with pytest.raises(LabelError, match=said):
        read_labels(folder_of(tmp_path, image))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is not JSON"),
        ("\x80", "is not JSON"),
        ("[]", "no list 'images'"),
        ('{"images": []}', "no list 'images'"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_list_of_photos_is_refused(tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / "labels.json").write_text(content, encoding="latin-1")
    with pytest.raises(LabelError, match=said):
        read_labels(tmp_path)


def test_exported_corrections_are_labels_where_they_are_sure(tmp_path: Path) -> None:
    place = {"name": "hem_right", "x": 370.0, "y": 600.0}
    corrected = move(skirt(confidence=0.4), {"points": [place, {**place, "name": "hem_left", "x": 50.0}]})
    (tmp_path / "skirt.jpg").touch()
    (tmp_path / "annotations.json").write_text(json.dumps(dataset([("skirt.jpg", corrected)])))
    (photo,) = read_labels(tmp_path)
    assert photo.category is not None
    assert (photo.category.name, photo.points) == ("skirt", {"hem_left": (50, 600), "hem_right": (370, 600)})


@pytest.mark.parametrize("content", [[], {}, {"images": [], "categories": [], "annotations": [{"image_id": 1}]}])
def test_annotations_that_are_not_coco_are_refused(tmp_path: Path, content: Any) -> None:
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    with pytest.raises(LabelError, match="no COCO keypoints"):
        read_labels(tmp_path)
