"""What a `GarmentReader` says of a picture; with weights by chance, as the shipped ones are not of one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from keypoints.inference.network import GarmentReader
from keypoints.inference.points import find_points
from keypoints.inference.reading import read_garment, read_kinds
from keypoints.landmarks import CATEGORIES, CATEGORY, KINDS, Presence


@pytest.fixture(scope="module")
def network() -> GarmentReader:
    torch.manual_seed(1)
    return GarmentReader().eval()


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    pixels = np.full((300, 240, 3), 60, np.uint8)
    pixels[60:240, 50:190] = 200
    return pixels


def test_points_are_where_the_same_network_finds_them(network: GarmentReader, picture: np.ndarray) -> None:
    found = read_garment(network, picture, CATEGORY["skirt"])
    for point, other in zip(found.points, find_points(network, picture, CATEGORY["skirt"]), strict=True):
        assert point.position == pytest.approx(other.position, abs=0.05)
        assert point.confidence == pytest.approx(other.confidence, abs=1e-4)
    assert {type(presence) for presence in found.presence} == {Presence}
    assert len(found.presence) == len(CATEGORY["skirt"].points)


def test_without_a_category_the_likeliest_is_read(network: GarmentReader, picture: np.ndarray) -> None:
    found = read_garment(network, picture)
    assert found.kinds[found.category.name] == max(found.kinds[category.name] for category in CATEGORIES)


def test_what_is_seen_does_not_depend_on_the_category_and_adds_up(network: GarmentReader, picture: np.ndarray) -> None:
    vest, shorts = (read_garment(network, picture, CATEGORY[name]) for name in ("vest", "shorts"))
    assert vest.kinds == shorts.kinds == read_kinds(network, picture)[0]
    assert list(vest.kinds) == list(KINDS)
    assert sum(vest.kinds.values()) == pytest.approx(1)
    assert 0 < vest.worn < 1
