from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from keypoints.geometry import Point
from keypoints.inference.crops import Matrix, Picture
from keypoints.inference.reading import Garment
from keypoints.landmarks import CATEGORY, POINTS, Category, Visibility
from keypoints.training.labels import UNASKED, VISIBLE
from keypoints.training.photos import photos_in
from keypoints.training.selflabel import LOOKS, agreed, labelled_photos, looked

SKIRT = CATEGORY["skirt"]
VIEWS = [looked(300, 400, degrees, size) for degrees, size in LOOKS]
PLACES = {name: (60.0 + 20 * number, 50.0 + 40 * (number % 4)) for number, name in enumerate(SKIRT.points)}


def seen(view: Matrix) -> Garment:
    """What a network that makes no mistake finds in this view."""
    points = []
    for name, place in PLACES.items():
        x, y = view[:, :2] @ place + view[:, 2]
        points.append(Point(name, float(x), float(y), 0.9, Visibility.VISIBLE))
    return Garment(SKIRT, points)


def looks(**changes: object) -> list[Garment]:
    """Four looks, the first point of the last of which is changed."""
    garments = [seen(view) for view in VIEWS]
    first, *rest = garments[-1].points
    return [*garments[:-1], replace(garments[-1], points=[replace(first, **changes), *rest])]  # type: ignore[arg-type]  # any field


def test_looks_that_agree_give_the_place_in_the_photo() -> None:
    assert agreed(looks(), VIEWS) == {name: pytest.approx(place) for name, place in PLACES.items()}


@pytest.mark.parametrize("changes", [{"x": 0.0}, {"confidence": -0.4}, {"visibility": Visibility.HIDDEN}])
def test_a_point_that_one_look_puts_elsewhere_does_not_see_or_doubts_is_left_out(changes: dict[str, object]) -> None:
    assert set(agreed(looks(**changes), VIEWS)) == set(SKIRT.points[1:])


class RectangleFinder:
    """Finds a red rectangle, and takes it for trousers whose points lie on its diagonal."""

    version, calibrated, tells = "rectangles", False, False

    def find(self, picture: Picture, among: Sequence[Category]) -> Garment:
        rows, columns = np.nonzero(picture[..., 0] > picture[..., 1].astype(int) + 60)
        first, last = (rows + columns).argmin(), (rows + columns).argmax()
        start, end = np.array([columns[first], rows[first]]), np.array([columns[last], rows[last]])
        shares = np.linspace(0, 1, len(among[0].points))
        places = zip(among[0].points, start + shares[:, None] * (end - start), strict=True)
        return Garment(among[0], [Point(name, float(x), float(y), 0.9, Visibility.VISIBLE) for name, (x, y) in places])


def test_photos_of_garments_for_training_get_points_and_others_none(photos: Path) -> None:
    training = photos_in(photos, for_judging=False)
    labels = [known for _, known in labelled_photos(RectangleFinder(), training)]
    assert len(labels) == sum(photo.label == "pants" for photo in training)
    assert {POINTS[place] for place in np.flatnonzero(labels[0].presence == VISIBLE)} == set(CATEGORY["trousers"].points)
    assert set(labels[0].presence.tolist()) == {VISIBLE, UNASKED}
