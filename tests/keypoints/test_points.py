"""The network on the labelled real photos beside the checkout; they are not part of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from keypoints.geometry import diagonal
from keypoints.inference.model import GarmentModel
from keypoints.inference.network import load_network
from keypoints.inference.points import find_points
from keypoints.landmarks import CATEGORY, POINTS

DEV = Path(__file__).resolve().parents[3] / "shared/data/garments/dev"


def errors(model: GarmentModel, image: dict[str, Any]) -> Iterator[float]:
    """Distance from label to point as a share of the diagonal of the labels' box, of each labelled landmark."""
    picture = np.asarray(Image.open(DEV / image["file"]).convert("RGB"))
    found = find_points(model.network, picture, CATEGORY[image["category"]])
    labels = {label["df2_number"] - 1: (label["x"], label["y"]) for label in image["landmarks"]}
    size = diagonal(list(labels.values()))
    for number, position in labels.items():
        yield math.dist(found[number].position, position) / size


@pytest.mark.skipif(not DEV.is_dir(), reason=f"the labelled photos are not at {DEV}")
def test_most_points_of_real_photos_are_found(model: GarmentModel) -> None:
    images = json.loads((DEV / "labels.json").read_text())["images"]
    shares = [share for image in images for share in errors(model, image)]
    assert len(shares) == 359
    assert np.mean(np.array(shares) < 0.05) >= 0.87  # PCK@.05; measured: .897
    assert np.median(shares) <= 0.014  # measured: .0116


def test_weights_for_other_points_are_refused(tmp_path: Path) -> None:
    save_file({}, tmp_path / "other.safetensors", metadata={"points": " ".join(reversed(POINTS)), "categories": "", "version": "other"})
    with pytest.raises(ValueError, match="other points"):
        load_network(tmp_path / "other.safetensors")
