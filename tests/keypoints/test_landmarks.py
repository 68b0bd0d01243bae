from __future__ import annotations

import pytest

from keypoints.landmarks import ALIASES, CATEGORIES, CATEGORY, CLOTHING, OLD_TYPES, POINTS, Category, OldType, categories_of, mirrored

COUNTS = [25, 33, 31, 39, 15, 15, 10, 14, 8, 29, 37, 19, 19]

# Pairs of landmark numbers that change places in a flipped picture, as published for DeepFashion2's outwear, where the order is oddest.
OUTWEAR_PAIRS = {
    "short_sleeve_outwear": "2-26 3-5 4-6 7-25 8-24 9-23 10-22 11-21 12-20 13-19 14-18 15-17 16-29 27-30 28-31",
    "long_sleeve_outwear": "2-6 3-5 4-34 7-33 8-32 9-31 10-30 11-29 12-28 13-27 14-26 15-25 16-24 17-23 18-22 19-21 20-37 35-38 36-39",
}


def number_pairs(category: Category) -> set[tuple[int, int]]:
    numbers = {point: number for number, point in enumerate(category.points, start=1)}
    pairs = {(number, numbers[mirrored(point)]) for point, number in numbers.items()}
    return {pair for pair in pairs if pair[0] < pair[1]}


def test_the_categories_have_the_landmarks_of_deepfashion2() -> None:
    assert [len(category.points) for category in CATEGORIES] == COUNTS
    assert sum(COUNTS) == 294


def test_the_landmarks_share_69_meanings() -> None:
    assert len(POINTS) == len(set(POINTS)) == 69


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda category: category.name)
def test_no_category_names_a_point_twice(category: Category) -> None:
    assert len(set(category.points)) == len(category.points)


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda category: category.name)
def test_a_category_holds_the_mirror_image_of_each_of_its_points(category: Category) -> None:
    assert {mirrored(point) for point in category.points} == set(category.points)


@pytest.mark.parametrize("point", POINTS)
def test_mirroring_twice_changes_nothing(point: str) -> None:
    assert mirrored(mirrored(point)) == point


@pytest.mark.parametrize("name", OUTWEAR_PAIRS)
def test_flip_pairs_are_those_of_deepfashion2(name: str) -> None:
    published = {tuple(int(number) for number in pair.split("-")) for pair in OUTWEAR_PAIRS[name].split()}
    assert number_pairs(CATEGORY[name]) == published


@pytest.mark.parametrize("old", OLD_TYPES, ids=lambda old: old.name)
def test_every_point_of_an_old_type_is_a_point_of_its_first_category(old: OldType) -> None:
    assert set(old.points.values()) <= set(CATEGORY[old.categories[0]].points)


def test_the_old_types_have_the_points_of_the_old_app() -> None:
    counts = {old.name: len(old.points) for old in OLD_TYPES}
    assert counts == {"blouse": 13, "outwear": 14, "trousers": 7, "skirt": 4, "dress": 15}
    assert list(OLD_TYPES[3].points) == ["waistband_left", "waistband_right", "hemline_left", "hemline_right"]


def test_every_word_for_clothing_means_categories_the_likeliest_first() -> None:
    assert {categories_of(word)[0].name for word in CLOTHING} == set(CATEGORY)
    assert [category.name for category in categories_of("t-shirt")] == ["short_sleeve_top", "long_sleeve_top"]
    assert categories_of("skirt") == (CATEGORY["skirt"],)


def test_without_a_word_it_may_be_any() -> None:
    assert categories_of("") == CATEGORIES


def test_no_alias_hides_a_category_or_an_old_type() -> None:
    assert not set(ALIASES) & (set(CATEGORY) | {old.name for old in OLD_TYPES})
