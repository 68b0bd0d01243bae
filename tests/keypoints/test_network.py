from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import save_file

from keypoints.inference.network import load_network
from keypoints.landmarks import POINTS


def test_weights_for_other_points_are_refused(tmp_path: Path) -> None:
    save_file({}, tmp_path / "other.safetensors", metadata={"points": " ".join(reversed(POINTS)), "categories": "", "version": "other"})
    with pytest.raises(ValueError, match="other points"):
        load_network(tmp_path / "other.safetensors")
