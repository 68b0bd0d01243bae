"""The network: one stride-4 heatmap per shared meaning with the category as an input, and what it says of the picture as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from keypoints.landmarks import CATEGORIES, KINDS, POINTS, Visibility

STRIDE = 4
WINDOW = 3
"""Half the side of the square around the peak, in heatmap pixels, over which position and confidence are taken."""


def _convolution(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Bottleneck(nn.Module):
    """Residual block: 1x1 down to half the channels, 3x3, 1x1 back."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.squeeze = _convolution(channels, half, kernel=1)
        self.spread = _convolution(half, half)
        self.widen = nn.Sequential(nn.Conv2d(half, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, features: Tensor) -> Tensor:
        return functional.relu(features + self.widen(self.spread(self.squeeze(features))))


class Conditioning(nn.Module):
    """FiLM (Perez et al., 2018): scale and shift every channel as the category says."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(CATEGORIES), 2 * channels)
        nn.init.zeros_(self.embedding.weight)

    def forward(self, features: Tensor, category: Tensor) -> Tensor:
        scale, shift = self.embedding(category)[:, :, None, None].chunk(2, dim=1)
        conditioned: Tensor = features * (1 + scale) + shift
        return conditioned


def _stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(_convolution(inputs, outputs, stride=2), *(Bottleneck(outputs) for _ in range(blocks)))


class Levels(NamedTuple):
    """Features of strides 4, 8, 16 and 32, made without knowing the category."""

    fine: Tensor
    middle: Tensor
    coarse: Tensor
    coarsest: Tensor


class Reading(NamedTuple):
    """What a picture shows, as logits.

    `heatmaps` (batch, 69, height / 4, width / 4); `presence` (batch, 69, 3) in the order of `Visibility`; `kind` (batch, 14) in the
    order of `KINDS`; `worn` (batch,): the garment is on a body.
    """

    heatmaps: Tensor
    presence: Tensor
    kind: Tensor
    worn: Tensor


class GarmentNetwork(nn.Module):
    """Residual encoder to stride 32, feature pyramid back to stride 4; 1.25 million parameters.

    The category conditions the decoder alone: one pass of the encoder serves the question "which category?" and the points of the answer.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.stage1 = _convolution(3, 16, stride=2)
        self.stage2 = _stage(16, 32, blocks=1)
        self.stage3 = _stage(32, 64, blocks=2)
        self.stage4 = _stage(64, 128, blocks=3)
        self.stage5 = _stage(128, 192, blocks=3)
        self.condition3 = Conditioning(width)
        self.condition4 = Conditioning(128)
        self.condition5 = Conditioning(192)
        self.settle = Bottleneck(192)
        self.context = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(192, 192, 1), nn.Sigmoid())
        self.lateral2 = nn.Conv2d(32, width, 1)
        self.lateral3 = nn.Conv2d(64, width, 1)
        self.lateral4 = nn.Conv2d(128, width, 1)
        self.lateral5 = nn.Conv2d(192, width, 1)
        self.smooth2 = _convolution(width, width)
        self.smooth3 = _convolution(width, width)
        self.smooth4 = _convolution(width, width)
        self.head = nn.Conv2d(width, len(POINTS), 1)
        self.verdict = nn.Sequential(nn.Linear(2 * (128 + 192), 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, len(KINDS) + 1))
        self.presence_local = nn.Linear(width, 48)
        self.presence_global = nn.Linear(192, 48)
        self.presence_point = nn.Parameter(torch.zeros(len(POINTS), 48))
        self.presence_verdict = nn.Linear(48, len(Visibility))

    def forward(self, pictures: Tensor, category: Tensor) -> Tensor:
        """Heatmaps alone, for normalised RGB (batch, 3, height, width) and category numbers (batch,) from 0."""
        heatmaps, _, _ = self._decoded(self.encode(pictures), category)
        return heatmaps

    def encode(self, pictures: Tensor) -> Levels:
        fine = self.stage2(self.stage1(pictures))
        middle = self.stage3(fine)
        coarse = self.stage4(middle)
        return Levels(fine, middle, coarse, self.stage5(coarse))

    def read(self, levels: Levels, category: Tensor) -> Reading:
        """Everything about these pictures, their points as those of the category (batch,), numbered from 0."""
        heatmaps, features, coarsest = self._decoded(levels, category)
        return Reading(heatmaps, self._presence(heatmaps, features, coarsest), *self.judge(levels))

    def judge(self, levels: Levels) -> tuple[Tensor, Tensor]:
        """The logits of `Reading.kind` and `Reading.worn`, which do not depend on a category."""
        verdict = self.verdict(overall(levels))
        return verdict[:, : len(KINDS)], verdict[:, -1]

    def _decoded(self, levels: Levels, category: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        coarse = self.condition4(levels.coarse, category)
        coarsest = self.settle(self.condition5(levels.coarsest, category))
        merged = self.lateral5(coarsest * self.context(coarsest))
        merged = self.smooth4(_enlarged(merged, coarse) + self.lateral4(coarse))
        merged = self.smooth3(self.condition3(_enlarged(merged, levels.middle), category) + self.lateral3(levels.middle))
        merged = self.smooth2(_enlarged(merged, levels.fine) + self.lateral2(levels.fine))
        return self.head(merged), merged, coarsest

    def _presence(self, heatmaps: Tensor, features: Tensor, coarsest: Tensor) -> Tensor:
        """Judged by the features where the point is thought to be; the heatmaps learn nothing from it."""
        places = heatmaps.detach().flatten(2).softmax(-1).to(features.dtype)
        local = self.presence_local(places @ features.flatten(2).transpose(1, 2))
        whole = self.presence_global(coarsest.mean((2, 3)))
        verdict: Tensor = self.presence_verdict(functional.relu(local + whole[:, None] + self.presence_point))
        return verdict


def overall(levels: Levels) -> Tensor:
    """(batch, 640): means and peaks of the coarse features, whatever their place."""
    return torch.cat([seen for level in (levels.coarse, levels.coarsest) for seen in (level.mean((2, 3)), level.amax((2, 3)))], dim=1)


def _enlarged(features: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(features, size=like.shape[-2:], mode="nearest")


def decode(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Points (batch, 69, 2) as x, y in pixels of the network's input, and their confidence (batch, 69) in 0..1.

    Per channel: softmax over the heatmap, then the mean position inside the 7x7 window around the peak, by the square of the
    probability: two views that are averaged before count as two witnesses. (By the probability itself the median error is .0105 of the
    diagonal instead of .0099 on data/garments/dev, .0100 instead of .0096 on renders.) The confidence is the probability in that window.
    """
    height, width = logits.shape[-2:]
    probability = logits.flatten(2).softmax(-1)
    peak = probability.argmax(-1)
    rows, columns = torch.arange(height), torch.arange(width)
    near_row = ((rows - (peak // width)[..., None]).abs() <= WINDOW).to(probability.dtype)
    near_column = ((columns - (peak % width)[..., None]).abs() <= WINDOW).to(probability.dtype)
    window = probability.view(*logits.shape) * near_row[..., :, None] * near_column[..., None, :]
    confidence = window.sum((2, 3))
    weight = window.square()
    total = weight.sum((2, 3))
    x = (weight.sum(2) * columns).sum(-1) / total
    y = (weight.sum(3) * rows).sum(-1) / total
    centre_of_first_cell = (STRIDE - 1) / 2
    return torch.stack([x, y], dim=-1) * STRIDE + centre_of_first_cell, confidence


def load_network(path: Path) -> tuple[GarmentNetwork, str]:
    """The network ready for inference, and the version its file states. Raises ValueError if the file was trained for other points."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    if metadata["points"] != " ".join(POINTS) or metadata["categories"] != " ".join(category.name for category in CATEGORIES):
        raise ValueError(f"{path.name} was made for other points or categories than keypoints.landmarks")
    network = GarmentNetwork()
    network.load_state_dict(weights)
    return fused(network.eval()), metadata["version"]


def fused(network: GarmentNetwork) -> GarmentNetwork:
    """Each normalisation worked into the convolution before it: the same answers; a picture takes 9 ms instead of 16, two at once
    18 instead of 20."""
    for block in network.modules():
        if isinstance(block, nn.Sequential):
            for number in range(len(block) - 1):
                convolution, normalisation = block[number], block[number + 1]
                if isinstance(convolution, nn.Conv2d) and isinstance(normalisation, nn.BatchNorm2d):
                    block[number], block[number + 1] = fuse_conv_bn_eval(convolution, normalisation), nn.Identity()
    return network
