"""What the network says of a picture; with weights by chance, for what does not depend on them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from keypoints.inference.network import GarmentNetwork
from keypoints.inference.reading import Sight, read_garment, unmirrored
from keypoints.landmarks import CATEGORIES, CATEGORY, KINDS, PARTNERS, Visibility


@pytest.fixture(scope="module")
def network() -> GarmentNetwork:
    torch.manual_seed(1)
    return GarmentNetwork().eval()


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    pixels = np.full((300, 240, 3), 60, np.uint8)
    pixels[60:240, 50:190] = 200
    return pixels


def test_the_points_are_those_of_the_category_in_its_order(network: GarmentNetwork, picture: np.ndarray) -> None:
    found = read_garment(network, picture, [CATEGORY["skirt"]])
    assert tuple(point.name for point in found.points) == CATEGORY["skirt"].points
    assert {type(point.visibility) for point in found.points} == {Visibility}


def test_a_view_and_its_mirror_image_say_the_same_whichever_comes_first(network: GarmentNetwork) -> None:
    view, category = torch.randn(1, 3, 128, 96), torch.tensor([4, 4])
    mirror_image = view.flip(-1)
    there, back = (unmirrored(network(torch.cat(both), category), flip=True) for both in ((view, mirror_image), (mirror_image, view)))
    assert torch.allclose(there, back.flip(-1)[:, PARTNERS], atol=1e-5)


def test_the_likeliest_of_what_may_be_is_read(network: GarmentNetwork, picture: np.ndarray) -> None:
    among = [CATEGORY["vest"], CATEGORY["sling"]]
    found, any_garment = read_garment(network, picture, among), read_garment(network, picture)
    assert found.sight is not None
    assert found.category == max(among, key=lambda category: found.sight.kinds[category.name])  # type: ignore[union-attr]  # see above
    assert any_garment.category == max(CATEGORIES, key=lambda category: found.sight.kinds[category.name])  # type: ignore[union-attr]


def test_what_is_seen_speaks_of_every_category_and_adds_up(network: GarmentNetwork, picture: np.ndarray) -> None:
    sight = read_garment(network, picture, [CATEGORY["vest"]]).sight
    assert sight is not None
    assert list(sight.kinds) == list(KINDS)
    assert sum(sight.kinds.values()) == pytest.approx(1)
    assert 0 < sight.worn < 1


def test_a_garment_is_measured_as_what_both_looks_together_show(network: GarmentNetwork, picture: np.ndarray) -> None:
    """Whatever the first look alone took it for."""
    found = read_garment(network, picture)
    assert found.sight is not None
    assert found.category.name == max((name for name in found.sight.kinds if name in CATEGORY), key=found.sight.kinds.__getitem__)
    assert [point.name for point in found.points] == list(found.category.points)


def test_what_is_believed_of_several_categories_is_their_sum() -> None:
    sight = Sight({"vest": 0.2, "sling": 0.5, "skirt": 0.3}, 0.0)
    assert sight.belief([CATEGORY["vest"], CATEGORY["sling"]]) == pytest.approx(0.7)
    assert sight.likeliest == "sling"
