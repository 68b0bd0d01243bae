"""The renderer: what it shows is what it says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from keypoints.inference.scale import find_scale
from keypoints.landmarks import CATEGORY, NO_GARMENT, Visibility
from keypoints.references import Asked
from keypoints.training.cutouts import Cutouts, cut_out, fabric, load_cutouts, silhouette
from keypoints.training.lowers import lower
from keypoints.training.render import render
from keypoints.training.scenes import Recipe, Scene, measured_recipe, random_recipe, scene
from keypoints.training.styles import Half
from keypoints.training.uppers import visible_armpit
from tests.keypoints.training.conftest import SMALL, garment_photo

NOTHING = Cutouts()


@pytest.mark.parametrize("category", CATEGORY)
def test_a_garment_has_all_points_of_its_category(category: str) -> None:
    shown = scene(1, NOTHING, Recipe(category, "flat", shape=SMALL))
    assert list(shown.positions) == list(shown.presence) == list(CATEGORY[category].points)
    assert shown.picture.shape == (*SMALL, 3)
    assert shown.picture.std() > 5


def test_a_seed_always_gives_the_same_scene() -> None:
    first, again, other = (scene(seed, NOTHING, Recipe("vest", "flat", shape=SMALL)) for seed in (5, 5, 6))
    assert np.array_equal(first.picture, again.picture)
    assert first.positions == again.positions
    assert not np.array_equal(first.picture, other.picture)


def test_the_homography_takes_the_true_centimetres_to_the_points() -> None:
    shown = scene(2, NOTHING, Recipe("long_sleeve_top", "hanger", shape=SMALL, tilt=20))
    pixels = cv2.perspectiveTransform(np.array([list(shown.centimetres.values())]), shown.homography)[0]
    assert np.allclose(pixels, list(shown.positions.values()))


def test_a_point_beyond_the_frame_is_absent() -> None:
    shown = [scene(seed, NOTHING, Recipe("trousers", "flat", shape=SMALL, cut=True)) for seed in range(6)]
    height, width = SMALL
    found = [(position, one.presence[name]) for one in shown for name, position in one.positions.items()]
    beyond = [presence for (x, y), presence in found if not (0 <= x < width and 0 <= y < height)]
    assert beyond
    assert set(beyond) == {Visibility.ABSENT}


def test_the_front_is_hidden_where_the_back_is_shown_or_a_sleeve_lies_over_it() -> None:
    shown = [scene(seed, NOTHING, Recipe("long_sleeve_top", "flat", shape=SMALL)) for seed in range(40)]
    assert any(one.presence["neck_front"] == Visibility.HIDDEN for one in shown)
    assert any(one.presence["side_left_lower"] == Visibility.HIDDEN for one in shown)
    assert np.mean([found == Visibility.VISIBLE for one in shown for found in one.presence.values()]) > 0.7


@pytest.mark.parametrize("category", ["short_sleeve_top", "trousers", "skirt", "sling_dress"])
def test_every_garment_can_be_worn(category: str) -> None:
    flat, worn = (scene(3, NOTHING, Recipe(category, way, shape=SMALL)) for way in ("flat", "worn"))
    assert not np.array_equal(flat.picture, worn.picture)


def test_a_picture_without_a_garment_has_no_points() -> None:
    shown = scene(4, NOTHING, Recipe(NO_GARMENT, "flat", shape=SMALL))
    assert not shown.positions
    assert not shown.presence


def test_a_scene_whose_centimetres_are_judged_shows_a_readable_sheet() -> None:
    shown = scene(20_000_003, NOTHING, replace(measured_recipe(20_000_003), shape=(1536, 1152)))
    assert find_scale(shown.picture, Asked()) is not None


def test_the_mixture_holds_every_way_and_every_category() -> None:
    recipes = [random_recipe(np.random.default_rng(seed)) for seed in range(900)]
    assert {recipe.way for recipe in recipes} == {"flat", "hanger", "worn"}
    assert {recipe.category for recipe in recipes} == {*CATEGORY, NO_GARMENT}
    assert all(any(getattr(recipe, trait) for recipe in recipes) for trait in ("cut", "same_colour", "sheet"))


def test_the_ground_can_have_the_colour_of_the_garment() -> None:
    def difference(shown: Scene) -> float:
        column, row = np.array(list(shown.positions.values())).mean(axis=0).astype(int)
        inside = shown.picture[row - 4 : row + 4, column - 4 : column + 4]
        return float(np.abs(shown.picture[:6].mean(axis=(0, 1)) - inside.mean(axis=(0, 1))).mean())

    recipes = [Recipe("short_sleeve_top", "flat", shape=SMALL, same_colour=same) for same in (False, True)]
    apart, alike = (np.median([difference(scene(seed, NOTHING, recipe)) for seed in range(12)]) for recipe in recipes)
    assert alike < apart


def test_fabric_is_cut_out_of_the_garment() -> None:
    picture = garment_photo(np.random.default_rng(0))
    mask = silhouette(picture)
    assert mask is not None
    assert 0.2 < mask.mean() < 0.5
    piece = fabric(picture, mask)
    assert piece is not None
    assert piece.reshape(-1, 3).mean(axis=0)[0] > 150


def test_cutouts_of_photos_are_read_back(photos: Path, tmp_path: Path) -> None:
    cut_out(photos, tmp_path / "cutouts")
    found = load_cutouts(tmp_path / "cutouts")
    assert found.fabrics
    assert found.grounds
    assert scene(1, found).picture.any()


def test_rendered_scenes_are_labelled_as_the_photos_are(tmp_path: Path) -> None:
    render(tmp_path, range(3), NOTHING)
    images = json.loads((tmp_path / "labels.json").read_text())["images"]
    assert {image["file"] for image in images} <= {"0.jpg", "1.jpg", "2.jpg"}
    for image in images:
        points = CATEGORY[image["category"]].points
        assert all(points[label["df2_number"] - 1] == label["name"] for label in image["landmarks"])
        assert len(image["landmarks"]) + len(image["presence"]) == len(points)
        assert image["centimetres"]
    assert (tmp_path / "overview.jpg").exists()


@pytest.mark.parametrize(
    ("under", "expected"),
    [([(40, 20), (10, 0)], 0.0), ([(30, 23), (9, 3), (10, 0)], 4.2), ([(9, 30), (10, 0)], None)],
    ids=["sleeve-beside-the-body", "sleeve-on-the-body-at-first", "sleeve-on-the-body"],
)
def test_the_armpit_is_where_sleeve_and_side_visibly_part(under: list[tuple[float, float]], expected: float | None) -> None:
    """The side runs straight down from (10, 0); `under` is the sleeve's lower edge from the cuff; `expected` in centimetres below."""
    side, nowhere = np.array([[10.0, 0.0], [10.0, 40.0]]), np.zeros(2)
    piece = Half(nowhere, np.array([8.0, -8.0]), side[0], nowhere, side[1], side, side, side)
    found = visible_armpit(piece, np.array(under, dtype=np.float64), chest=10.0)
    assert (None if found is None else found.tolist()) == (None if expected is None else pytest.approx([10.0, expected], abs=0.4))


def test_no_ground_shows_above_the_crotch() -> None:
    """Whether the legs touch or part at once."""
    for seed in range(20):
        pattern = lower(np.random.default_rng(seed), "trousers")
        x, y = pattern.points["crotch"]
        above = (x, y - 0.06 * pattern.size)
        inside = [cv2.pointPolygonTest(part.outline.astype(np.float32), above, True) > -0.04 * pattern.size for part in pattern.parts]
        assert any(inside)
