from __future__ import annotations

import pytest

from keypoints.inference.model import GarmentModel
from keypoints.training.sample_photo import SamplePhoto, render


@pytest.fixture(scope="session")
def model() -> GarmentModel:
    loaded = GarmentModel()
    loaded.load()
    return loaded


@pytest.fixture(scope="session")
def photo() -> SamplePhoto:
    """A T-shirt beside the scale sheet."""
    return render("short_sleeve_top", seed=0)
