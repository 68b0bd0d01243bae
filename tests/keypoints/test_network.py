from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from keypoints.inference.network import decode, load_network
from keypoints.landmarks import POINTS


def test_weights_for_other_points_are_refused(tmp_path: Path) -> None:
    save_file({}, tmp_path / "other.safetensors", metadata={"points": " ".join(reversed(POINTS)), "categories": "", "version": "other"})
    with pytest.raises(ValueError, match="other points"):
        load_network(tmp_path / "other.safetensors")


@pytest.mark.parametrize(("x", "y"), [(20.0, 30.0), (20.3, 30.6)])
def test_a_point_is_found_between_cells_and_doubt_about_another_place_does_not_move_it(x: float, y: float) -> None:
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(48), indexing="ij")
    belief = torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2)
    belief[50:53, 5:8] = 0.2
    positions, confidence = decode(belief.log().expand(1, len(POINTS), 64, 48))
    assert positions[0, 0].tolist() == pytest.approx([4 * x + 1.5, 4 * y + 1.5], abs=0.05)
    assert 0.7 < float(confidence[0, 0]) < 0.8
