from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from fitsize.models import User
from keypoints.coco import dataset
from keypoints.corrections import move
from keypoints.landmarks import CATEGORIES, CATEGORY
from tasks.kinds import kinds
from tasks.models import Claimant, Job
from tasks.uploads import Upload
from tests.keypoints.results import skirt

HEM = {"points": [{"name": "hem_right", "x": 370.0, "y": 600.0}]}
TURNED_LEFT = 6


def annotation(result: dict[str, Any]) -> dict[str, Any]:
    (only,) = dataset([("a.jpg", result)])["annotations"]
    found: dict[str, Any] = only
    return found


def test_points_stand_in_the_order_of_their_category() -> None:
    found = dataset([("a.jpg", move(skirt(), HEM))])
    assert found["images"] == [{"id": 1, "file_name": "a.jpg", "width": 400, "height": 700}]
    category = next(entry for entry in found["categories"] if entry["id"] == found["annotations"][0]["category_id"])
    assert (category["name"], category["keypoints"]) == ("skirt", list(CATEGORY["skirt"].points))
    triplets = dict(zip(category["keypoints"], zip(*[iter(found["annotations"][0]["keypoints"])] * 3, strict=True), strict=True))
    assert (triplets["hem_right"], triplets["waist_left"]) == ((370.0, 600.0, 2), (100.0, 100.0, 2))
    assert [entry["id"] for entry in found["categories"]] == list(range(1, len(CATEGORIES) + 1))


def test_the_box_is_that_of_the_points() -> None:
    found = annotation(move(skirt(), HEM))
    assert (found["bbox"], found["area"], found["num_keypoints"], found["moved"]) == ([50, 100, 320, 500], 160_000, 8, ["hem_right"])


def test_what_the_model_was_unsure_of_and_nobody_moved_is_left_out() -> None:
    found = annotation(move(skirt(confidence=0.4), HEM))
    assert (found["num_keypoints"], found["keypoints"][18:21], found["keypoints"][:3]) == (1, [370.0, 600.0, 2], [0, 0, 0])
    assert annotation(skirt(confidence=0.4))["bbox"] == [0, 0, 0, 0]


def test_what_lies_outside_of_the_picture_is_left_out() -> None:
    found = annotation(move(skirt(), {"points": [{"name": "hem_right", "x": 401, "y": 600}]}))
    assert found["num_keypoints"] == 7


def test_what_the_model_called_hidden_or_absent_stays_so_unless_it_was_moved() -> None:
    result = skirt()
    for point, said in zip(result["points"], ["hidden", "absent", "absent"], strict=False):
        point["visibility"] = said
    result = move(result, {"points": [{"name": "waist_right", "x": 300, "y": 100}]})
    assert annotation(result)["keypoints"][2:9:3] == [1, 0, 2]


# -- manage.py export_corrections


def corrected(owner: User, *patches: dict[str, Any] | None, keep_input: bool = True) -> Job:
    """A job whose photo lies on its side, with these corrections."""
    exif = Image.Exif()
    exif[0x0112] = TURNED_LEFT
    photo = io.BytesIO()
    Image.new("RGB", (700, 400), "teal").save(photo, "JPEG", exif=exif)
    Job.objects.submit(
        owner_id=owner.pk,
        kind=kinds()["keypoints"],
        operation="predict",
        parameters={"clothing": "skirt"},
        uploads={"image": Upload(photo, photo.tell(), "image/jpeg")},
        units=1.0,
        keep_input=keep_input,
    )
    job = Job.objects.claim("keypoints", Claimant(worker="keypoints@here", life="my-life", pid=1, fresh=True))
    assert job is not None
    job.end("succeeded", result=skirt())
    for patch in patches:
        Job.objects.get(pk=job.pk).correct(patch, owner.pk)
    return Job.objects.get(pk=job.pk)


def exported(folder: Path, **options: Any) -> dict[str, Any]:
    call_command("export_corrections", folder, **options, stdout=io.StringIO(), stderr=io.StringIO())
    written: dict[str, Any] = json.loads((folder / "annotations.json").read_text())
    return written


def test_corrected_garments_are_exported_with_their_upright_photos(owner: User, tmp_path: Path) -> None:
    job = corrected(owner, HEM)
    written = exported(tmp_path / "set")
    assert [image["file_name"] for image in written["images"]] == [f"{job.pk}.jpg"]
    assert written["annotations"][0]["moved"] == ["hem_right"]
    with Image.open(tmp_path / "set" / f"{job.pk}.jpg") as photo:
        assert (photo.size, photo.getexif().get(0x0112)) == ((400, 700), None)


def test_what_nobody_corrected_or_no_longer_is_kept_is_not_exported(owner: User, tmp_path: Path) -> None:
    corrected(owner)
    corrected(owner, HEM, None)
    gone = corrected(owner, HEM, keep_input=False)
    assert exported(tmp_path)["images"] == []
    corrected(owner, HEM).erase()
    assert exported(tmp_path)["images"] == []
    assert not (tmp_path / f"{gone.pk}.jpg").exists()


def test_one_owners_corrections_can_be_exported_alone(owner: User, stranger: User, tmp_path: Path) -> None:
    mine, _ = corrected(owner, HEM), corrected(stranger, HEM)
    assert [image["file_name"] for image in exported(tmp_path, owner="owner")["images"]] == [f"{mine.pk}.jpg"]


def test_a_folder_that_cannot_be_written_is_an_error(db: None, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="File exists"):
        exported(tmp_path / "file")
