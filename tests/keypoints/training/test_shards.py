from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keypoints.landmarks import KINDS, NO_GARMENT, POINTS
from keypoints.training import photos as folders
from keypoints.training.cutouts import Cutouts
from keypoints.training.labels import UNASKED, UNKNOWN, VISIBLE, labels_of
from keypoints.training.photos import COMPATIBLE, held_out, photos_in
from keypoints.training.shards import labelled_shard, read_shard, render_shards, whole_shards
from tests.keypoints.training.conftest import small_scenes


def test_which_photos_are_held_out_is_fixed_by_their_names() -> None:
    assert [number for number in range(60) if held_out(f"{number}.jpg")] == [9, 11, 13, 15, 18, 21, 23, 28, 49, 51, 56, 57]


def test_a_fifth_of_the_photos_is_held_out() -> None:
    assert 0.18 < np.mean([held_out(f"photo-{number}") for number in range(4000)]) < 0.22


def test_no_photo_is_on_both_sides_of_the_split(photos: Path) -> None:
    sides = [{photo.path for photo in photos_in(photos, for_judging=judging)} for judging in (True, False)]
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == 14


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no photos in folders named"):
        photos_in(tmp_path, for_judging=False)


def test_classes_allow_only_known_kinds_and_each_kind_but_one_is_allowed() -> None:
    allowed = {kind for kinds in COMPATIBLE.values() for kind in kinds}
    assert allowed <= set(KINDS)
    assert set(KINDS) - allowed == {"sling"}
    assert folders.COMPATIBLE["hat"] == (NO_GARMENT,)


def test_a_shard_gives_back_pictures_and_labels(data: Path) -> None:
    shard = read_shard(data / "renders" / "00000.npz")
    shown = small_scenes(12)[5]
    assert len(shard) == 12
    assert np.abs(shard.picture(5).astype(int) - shown.picture).mean() < 4
    assert np.array_equal(shard.labels(5).positions, labels_of(shown).positions)
    assert (shard.labels(5).presence != UNASKED).sum() == len(shown.positions)


def test_photos_have_a_class_and_nothing_else(data: Path) -> None:
    shard = read_shard(data / "photos" / "photos.npz")
    assert (shard.presence == UNASKED).all()
    assert (shard.worn == UNKNOWN).all()
    assert shard.positions.shape[1:] == (len(POINTS), 2)
    assert set(shard.kinds.argmax(axis=1)) == {KINDS.index("trousers"), KINDS.index(NO_GARMENT)}


def test_rendering_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    render_shards(tmp_path, 2, cutouts=None, size=2)
    first, second = whole_shards(tmp_path)
    kept, expected = first.stat().st_mtime_ns, second.with_suffix(".jpegs").read_bytes()
    second.unlink()
    render_shards(tmp_path, 2, cutouts=None, size=2)
    assert first.stat().st_mtime_ns == kept
    assert second.with_suffix(".jpegs").read_bytes() == expected


def test_a_shard_that_was_interrupted_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "00000.unfinished.npz").touch()
    (tmp_path / "00000.jpegs").touch()
    assert whole_shards(tmp_path) == []


def test_scenes_of_training_and_judging_differ(data: Path) -> None:
    renders, judging = (read_shard(data / name / "00000.npz") for name in ("renders", "judging"))
    assert not np.array_equal(renders.picture(0), judging.picture(0))
    assert Cutouts().fabrics == ()


def test_points_that_people_put_are_learned_and_of_others_nothing(tmp_path: Path) -> None:
    Image.new("RGB", (600, 800), "white").save(tmp_path / "skirt.jpg")
    Image.new("RGB", (30, 40)).save(tmp_path / "hat.png")
    landmarks = [{"df2_number": 1, "x": 99.5, "y": 199.5}, {"df2_number": 3, "x": 499.5, "y": 199.5}]
    images = [{"file": "skirt.jpg", "category": "skirt", "landmarks": landmarks}, {"file": "hat.png", "category": NO_GARMENT}]
    (tmp_path / "labels.json").write_text(json.dumps({"images": images}))
    labelled_shard(tmp_path, tmp_path)
    skirt, hat = (read_shard(tmp_path / "labelled.npz").labels(number) for number in range(2))
    assert skirt.positions[POINTS.index("waist_right")] == pytest.approx((249.5, 99.5))  # the photo is kept at half its size
    assert {POINTS[place] for place in np.flatnonzero(skirt.presence == VISIBLE)} == {"waist_left", "waist_right"}
    assert set(skirt.presence.tolist()) == {VISIBLE, UNASKED}
    assert [KINDS[place] for place in np.flatnonzero(skirt.kinds)] == ["skirt"]
    assert ([KINDS[place] for place in np.flatnonzero(hat.kinds)], hat.worn) == ([NO_GARMENT], UNKNOWN)
