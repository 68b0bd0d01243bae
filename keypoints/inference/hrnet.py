"""HRNet-W48 (Sun et al., 2019; Wang et al., 2020) for DeepFashion2, for checkpoints of an operator's own.

Parameters have the names and shapes of `pose_hrnet` in leoxiaobin/deep-high-resolution-net.pytorch, and pictures come and go as in
svip-lab/HRNet-for-Fashion-Landmark-Estimation.PyTorch (`w48_384x288_adam_lr1e-3.yaml`), which trains it: 294 channels, one for each
landmark of each category.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from keypoints.geometry import Point
from keypoints.inference.crops import Matrix, Picture, cut, normalised
from keypoints.landmarks import CATEGORIES, Category, mirrored

WIDTHS = (48, 96, 192, 384)
"""Channels of the four resolutions."""
LANDMARKS = sum(len(category.points) for category in CATEGORIES)
SIZE = (288, 384)
"""Width and height of the network's input in pixels."""
STRIDE = 4
MARGIN = 1.25
"""The picture is shown enlarged by this factor, on black."""
PREFIXES = ("module.", "backbone.", "keypoint_head.", "head.")
"""What trainers put before the names: torch's DataParallel, mmpose's old and new."""
COUNTER = "num_batches_tracked"


class CheckpointError(ValueError):
    """What is wrong with a checkpoint."""


def _convolution(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, active: bool = True) -> nn.Sequential:
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if active else nn.Sequential(*layers)


class BasicBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        inner = functional.relu(self.bn1(self.conv1(features)), inplace=True)
        return functional.relu(features + self.bn2(self.conv2(inner)), inplace=True)


class Bottleneck(nn.Module):
    def __init__(self, inputs: int, channels: int = 64, outputs: int = 256) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Identity() if inputs == outputs else _convolution(inputs, outputs, kernel=1, active=False)

    def forward(self, features: Tensor) -> Tensor:
        inner = functional.relu(self.bn1(self.conv1(features)), inplace=True)
        inner = functional.relu(self.bn2(self.conv2(inner)), inplace=True)
        return functional.relu(self.downsample(features) + self.bn3(self.conv3(inner)), inplace=True)


def _brought(source: int, target: int) -> nn.Module:
    """From one resolution (0 is the finest) to another."""
    if source == target:
        return nn.Identity()
    if source > target:
        narrow = _convolution(WIDTHS[source], WIDTHS[target], kernel=1, active=False)
        return narrow.append(nn.Upsample(scale_factor=2 ** (source - target), mode="nearest"))
    steps = [_convolution(WIDTHS[source], WIDTHS[source], stride=2) for _ in range(target - source - 1)]
    return nn.Sequential(*steps, _convolution(WIDTHS[source], WIDTHS[target], stride=2, active=False))


class Exchange(nn.Module):
    """Four blocks on each of the finest `count` resolutions, then each of the finest `outputs` takes from all."""

    def __init__(self, count: int, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(BasicBlock(width) for _ in range(4))) for width in WIDTHS[:count])
        self.fuse_layers = nn.ModuleList(nn.ModuleList(_brought(source, target) for source in range(count)) for target in range(outputs))

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        branches = [blocks(features) for blocks, features in zip(self.branches, branches, strict=True)]
        return [functional.relu(self._sum(row, branches), inplace=True) for row in self.fuse_layers]

    def _sum(self, row: nn.Module, branches: list[Tensor]) -> Tensor:
        first, *rest = (bring(features) for bring, features in zip(row.children(), branches, strict=True))
        total: Tensor = first
        for features in rest:
            total = total + features
        return total


def _stage(count: int, exchanges: int, *, last: int = 0) -> nn.Sequential:
    """`last`: how many resolutions the last exchange gives, if not all."""
    return nn.Sequential(*(Exchange(count, count) for _ in range(exchanges - 1)), Exchange(count, last or count))


def _next_resolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(_convolution(inputs, outputs, stride=2))


class HighResolutionNetwork(nn.Module):
    """1754 names with the counters of its normalisations; 63.6 million parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, 3, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(Bottleneck(64), *(Bottleneck(256) for _ in range(3)))
        self.transition1 = nn.ModuleList([_convolution(256, WIDTHS[0]), _next_resolution(256, WIDTHS[1])])
        self.stage2 = _stage(2, exchanges=1)
        self.transition2 = nn.ModuleList([nn.Identity(), nn.Identity(), _next_resolution(WIDTHS[1], WIDTHS[2])])
        self.stage3 = _stage(3, exchanges=4)
        self.transition3 = nn.ModuleList([nn.Identity(), nn.Identity(), nn.Identity(), _next_resolution(WIDTHS[2], WIDTHS[3])])
        self.stage4 = _stage(4, exchanges=3, last=1)
        self.final_layer = nn.Conv2d(WIDTHS[0], LANDMARKS, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Heatmaps (batch, 294, height / 4, width / 4), about 1 at a landmark and 0 elsewhere, for normalised pictures, blue first,
        from whatever device."""
        features = functional.relu(self.bn1(self.conv1(pictures.to(self.conv1.weight.device))), inplace=True)
        features = self.layer1(functional.relu(self.bn2(self.conv2(features)), inplace=True))
        branches = self.stage2([bring(features) for bring in self.transition1])
        branches = self.stage3([*branches, self.transition2[-1](branches[-1])])
        branches = self.stage4([*branches, self.transition3[-1](branches[-1])])
        heatmaps: Tensor = self.final_layer(branches[0])
        return heatmaps


# -- checkpoints


def load_hrnet(path: Path) -> HighResolutionNetwork:
    """The network with this checkpoint's weights, ready for inference.

    safetensors, or what `torch.save` wrote of a state dict, alone or as `{"state_dict": ...}`; nothing but tensors is unpickled. Raises
    CheckpointError for other names or shapes than the network's, and for what cannot be read.
    """
    weights = plain_names(read_checkpoint(path), path.name)
    with torch.device("meta"):  # no memory, and no random numbers, for what is replaced at once
        network = HighResolutionNetwork()
    check_names(weights, network.state_dict(), path.name)
    counted = {name: torch.zeros((), dtype=torch.int64) for name in network.state_dict() if name.endswith(COUNTER)}
    network.load_state_dict({name: tensor.float() for name, tensor in weights.items()} | counted, assign=True)
    return network.eval()


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    try:
        found = load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from None
    except pickle.UnpicklingError:
        hint = "save its state_dict alone, or as safetensors"
        raise CheckpointError(f"{path.name} is no checkpoint, or holds more than weights ({hint})") from None
    except (SafetensorError, RuntimeError, EOFError, ValueError):
        raise CheckpointError(f"{path.name} is damaged, or no checkpoint") from None
    state = found.get("state_dict", found) if isinstance(found, dict) else None
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise CheckpointError(f"{path.name} holds no state dict: names with tensors, alone or under 'state_dict'")
    return state


def plain_names(weights: dict[str, Tensor], file: str) -> dict[str, Tensor]:
    """Without the trainers' prefixes, and without the counters of normalisations, which inference has no use for."""
    plain: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        for prefix in PREFIXES:
            name = name.removeprefix(prefix)
        if name in plain:
            raise CheckpointError(f"{file} has {name} twice, once with a prefix")
        if not name.endswith(COUNTER):
            plain[name] = tensor
    return plain


def check_names(weights: dict[str, Tensor], expected: dict[str, Tensor], file: str) -> None:
    wanted = {name: tuple(tensor.shape) for name, tensor in expected.items() if not name.endswith(COUNTER)}
    missing = [name for name in wanted if name not in weights]
    unexpected = [name for name in weights if name not in wanted]
    if missing or unexpected:
        said = [f"{verb} {listed(names)}" for verb, names in (("lacks", missing), ("also has", unexpected)) if names]
        raise CheckpointError(f"{file} is no HRNet-W48 with the names of pose_hrnet: it {' and '.join(said)}")
    for name, shape in wanted.items():
        if tuple(weights[name].shape) != shape:
            raise CheckpointError(f"{file}: {name} has the shape {tuple(weights[name].shape)}, not {shape} as for {LANDMARKS} landmarks")


def listed(names: Sequence[str]) -> str:
    return f"{names[0]} and {len(names) - 1} more names" if len(names) > 1 else names[0]


# -- pictures and points


def find_points(network: HighResolutionNetwork, picture: Picture, category: Category) -> list[Point]:
    """The category's points in DeepFashion2 order, in pixels of `picture`, which is looked at as a whole. A point's confidence is the
    height of its peak."""
    view = whole(picture)
    heatmaps = look(network, picture, category, view)
    positions = (STRIDE * peaks(heatmaps) - view[:, 2]) / view[0, 0]
    heights = heatmaps.max(axis=(1, 2)).clip(0, 1)
    return [
        Point(name, float(x), float(y), float(height)) for name, (x, y), height in zip(category.points, positions, heights, strict=True)
    ]


def whole(picture: Picture) -> Matrix:
    """The 2x3 matrix that brings the whole picture, with its margin, into the network's input."""
    height, width = picture.shape[:2]
    scale = min(SIZE[0] / width, SIZE[1] / height) / MARGIN
    offset = np.array(SIZE) / 2 - scale * np.array([width, height]) / 2
    return np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])


@torch.inference_mode()
def look(network: HighResolutionNetwork, picture: Picture, category: Category, view: Matrix) -> Matrix:
    """Heatmaps (count, 96, 72) of the category's points, averaged with those of the mirrored picture, which this network gives a cell
    too far to the left."""
    blue_first = cv2.cvtColor(cut(picture, view, SIZE, (0, 0, 0)), cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)
    shown = normalised(blue_first)  # by ImageNet's values for red first: so it was trained
    before = sum(len(other.points) for other in CATEGORIES[: CATEGORIES.index(category)])
    own = slice(before, before + len(category.points))
    heatmaps, mirror_image = network(shown)[0, own].cpu(), network(shown.flip(-1))[0, own].cpu()
    turned = mirror_image.flip(-1)[[category.points.index(mirrored(point)) for point in category.points]]
    turned[:, :, 1:] = turned[:, :, :-1].clone()
    average: Matrix = ((heatmaps + turned) / 2).double().numpy()
    return average


def peaks(heatmaps: Matrix) -> Matrix:
    """The highest cell of each heatmap as x, y (count, 2), and a quarter of a cell towards the higher neighbour on each axis."""
    count, height, width = heatmaps.shape
    rows, columns = np.divmod(heatmaps.reshape(count, -1).argmax(axis=1), width)
    every, below, beside = np.arange(count), rows.clip(1, height - 2), columns.clip(1, width - 2)
    slope_x = heatmaps[every, rows, beside + 1] - heatmaps[every, rows, beside - 1]
    slope_y = heatmaps[every, below + 1, columns] - heatmaps[every, below - 1, columns]
    inside = (columns > 1) & (columns < width - 1) & (rows > 1) & (rows < height - 1)
    return np.stack([columns + 0.25 * inside * np.sign(slope_x), rows + 0.25 * inside * np.sign(slope_y)], axis=1)
