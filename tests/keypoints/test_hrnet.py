"""A checkpoint of an operator's own. None is at hand: names and shapes are the public ones, the weights are random or nothing."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from django.core.exceptions import ImproperlyConfigured
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from keypoints.inference.finders import GarmentFinder, HRNetFinder, WeightsError, load_finder
from keypoints.inference.hrnet import CheckpointError, HighResolutionNetwork, find_points, load_hrnet, peaks
from keypoints.inference.model import WEIGHTS, GarmentModel
from keypoints.landmarks import CATEGORY
from tasks.inference.model import Run
from tests.keypoints.test_model import jpeg

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = "f59c972cd747ccd8ffa599aa3ab4182360132e662518377739667a764c004f9a"
"""SHA-256 of the sorted lines `name (shape)` of svip-lab's `pose_hrnet` with W48 and 294 joints."""


def shapes() -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in HighResolutionNetwork().state_dict().items()}


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """Every name with nothing but zeros, which take no room."""
    return {name: torch.zeros(()).expand(shape) for name, shape in shapes().items()}


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Any], Path]:
    def save(content: Any) -> Path:
        torch.save(content, tmp_path / "own.pth")
        return tmp_path / "own.pth"

    return save


def test_names_and_shapes_are_the_public_ones() -> None:
    lines = sorted(f"{name} {shape}" for name, shape in shapes().items())
    assert (len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()) == (1754, PUBLIC)


@pytest.mark.parametrize("prefix", ["", "module.", "module.backbone."])
def test_a_state_dict_is_loaded_alone_or_wrapped_and_whatever_its_trainer_put_before_the_names(
    weights: dict[str, Tensor], saved: Callable[[Any], Path], prefix: str
) -> None:
    named = OrderedDict((prefix + name, tensor) for name, tensor in weights.items())
    network = load_hrnet(saved({"epoch": 3, "state_dict": named} if prefix else named))
    assert not network.training
    assert not any(tensor.is_meta for tensor in network.state_dict().values())


def test_the_head_of_mmpose_is_the_last_layer(weights: dict[str, Tensor], saved: Callable[[Any], Path]) -> None:
    named = {f"keypoint_head.{name}" if name.startswith("final") else f"backbone.{name}": tensor for name, tensor in weights.items()}
    named["keypoint_head.final_layer.bias"] = torch.arange(294.0)
    assert load_hrnet(saved(named)).state_dict()["final_layer.bias"][293] == 293


def test_counters_of_normalisations_may_be_missing(weights: dict[str, Tensor], saved: Callable[[Any], Path]) -> None:
    load_hrnet(saved({name: tensor for name, tensor in weights.items() if "num_batches" not in name}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda weights: weights.pop("final_layer.bias"), "lacks final_layer.bias$"),
        (lambda weights: [weights.pop(name) for name in ("bn1.weight", "bn1.bias")], "lacks bn1.weight and 1 more names$"),
        (lambda weights: weights.update({"incre_modules.0": torch.zeros(1)}), "also has incre_modules.0$"),
        (lambda weights: weights.update({"module.conv1.weight": torch.zeros(1)}), "conv1.weight twice"),
        (
            lambda weights: weights.update({"final_layer.weight": torch.zeros(17, 48, 1, 1)}),
            r"final_layer.weight has the shape \(17, 48, 1, 1\), not \(294, 48, 1, 1\) as for 294 landmarks",
        ),
        (lambda weights: weights.update({"optimizer": {"lr": 0.1}}), "holds no state dict"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused_by_what_is_wrong(
    weights: dict[str, Tensor], saved: Callable[[Any], Path], change: Callable[[dict[str, Any]], None], said: str
) -> None:
    changed: dict[str, Any] = dict(weights)
    change(changed)
    with pytest.raises(CheckpointError, match=said):
        load_hrnet(saved(changed))


class Trap:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return (Path.touch, (Path("/tmp/fitsize-trap"),))  # type: ignore[return-value]  # what it gives does not matter


def test_a_checkpoint_that_would_run_code_is_refused(weights: dict[str, Tensor], saved: Callable[[Any], Path]) -> None:
    with pytest.raises(CheckpointError, match="holds more than weights"):
        load_hrnet(saved({**weights, "trap": Trap()}))
    assert not Path("/tmp/fitsize-trap").exists()


@pytest.mark.parametrize("name", ["own.pth", "own.safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04" + bytes(400)])
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=r"own.\w+ is|Error"):
        load_finder(tmp_path / name)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="own.pth cannot be read: No such file"):
        load_finder(tmp_path / "own.pth")


def test_a_file_says_itself_which_network_it_is_for(weights: dict[str, Tensor], saved: Callable[[Any], Path]) -> None:
    assert isinstance(load_finder(WEIGHTS), GarmentFinder)
    found = load_finder(saved(weights))
    assert isinstance(found, HRNetFinder)
    assert (found.version, found.calibrated) == ("own", False)


def test_a_worker_does_not_start_with_weights_that_are_none(settings: Any, tmp_path: Path) -> None:
    settings.KEYPOINTS_WEIGHTS = str(tmp_path / "own.pth")
    with pytest.raises(ImproperlyConfigured, match=r"KEYPOINTS_WEIGHTS: .*own.pth cannot be read"):
        GarmentModel().load()


def test_the_models_version_is_the_name_of_the_file() -> None:
    code = "import django; django.setup(); from keypoints.kind import KIND; print(KIND.model_version)"
    environment = {"PATH": "", "DJANGO_SETTINGS_MODULE": "tests.settings", "KEYPOINTS_WEIGHTS": "/nowhere/df2-w48.pth"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["df2-w48"]


class RedSpot(nn.Module):
    """A network that takes each landmark for the reddest place: of three colours the last, as blue comes first."""

    def forward(self, pictures: Tensor) -> Tensor:
        return functional.avg_pool2d(pictures[:, 2:], 4).expand(-1, 294, -1, -1)


@pytest.mark.parametrize(("width", "height"), [(300, 400), (400, 300), (1800, 900)])
def test_points_come_back_to_the_pictures_own_pixels(width: int, height: int) -> None:
    picture = np.zeros((height, width, 3), np.uint8)
    cell = max(width / 288, height / 384) * 1.25 * 4
    radius = round(cell)
    x, y = width // 4, height // 3
    picture[y - radius : y + radius, x - radius : x + radius] = 200, 0, 0
    picture[-radius * 4 :, -radius * 4 :] = 0, 255, 255
    points = find_points(RedSpot(), picture, CATEGORY["shorts"])  # type: ignore[arg-type]  # another network
    assert [point.name for point in points] == list(CATEGORY["shorts"].points)
    assert all(np.hypot(point.x - x, point.y - y) < 1.5 * cell for point in points)


class LeftAndRight(nn.Module):
    """The waist of shorts, its left corner in cell 20 and its right one in cell 52, in each picture."""

    def forward(self, pictures: Tensor) -> Tensor:
        heatmaps = torch.zeros(len(pictures), 294, 96, 72)
        heatmaps[:, 158, 48, 20] = heatmaps[:, 160, 48, 52] = 0.8
        return heatmaps


def test_the_mirrored_pictures_answer_is_turned_back_its_sides_swapped_and_moved_by_a_cell() -> None:
    """52 turned back is 19, and one further 20: the two answers agree."""
    points = {point.name: point for point in find_points(LeftAndRight(), np.zeros((384, 288, 3), np.uint8), CATEGORY["shorts"])}  # type: ignore[arg-type]  # as above
    assert [points[name].confidence for name in ("waist_left", "waist_right")] == pytest.approx([0.8, 0.8])


def test_a_peak_moves_a_quarter_of_a_cell_to_its_higher_neighbour_but_not_at_the_edge() -> None:
    heatmaps = np.zeros((3, 96, 72))
    heatmaps[0, 10, [20, 21]] = 1.0, 0.5
    heatmaps[1, [30, 29], 40] = 1.0, 0.5
    heatmaps[2, 0, [0, 1]] = 1.0, 0.5
    assert peaks(heatmaps).tolist() == [[20.25, 10], [40, 29.75], [0, 0]]


@pytest.mark.slow
def test_random_weights_of_the_public_names_answer_a_photo(settings: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = {name: (torch.rand(shape) if name.endswith("var") else torch.randn(shape) / 30).half() for name, shape in shapes().items()}
    save_file(weights, tmp_path / "df2-w48.safetensors")
    settings.KEYPOINTS_WEIGHTS = str(tmp_path / "df2-w48.safetensors")
    model = GarmentModel()
    model.load()
    result = model.predict(Run(), jpeg(Image.new("RGB", (300, 400), "teal")), "trousers")
    assert model.finder.version == "df2-w48"
    assert [point["name"] for point in result["points"]] == list(CATEGORY["trousers"].points)
    assert all(0 <= point["confidence"] <= 1 for point in result["points"])
    assert "uncalibrated" in [warning["code"] for warning in result["warnings"]]
