"""What the network is taught: where points are, whether they can be seen, what the picture shows."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from keypoints.inference.network import STRIDE, Reading
from keypoints.training.batches import Batch
from keypoints.training.labels import HIDDEN, UNASKED, UNKNOWN, VISIBLE

SPREAD = 1.3
"""Standard deviation of the wanted heatmap, in its pixels (findings/garments.md, section 4)."""
HIDDEN_WEIGHT = 0.5
"""A hidden point is a guess for people, too."""
PRESENCE_WEIGHT = 0.5
KIND_WEIGHT = 0.5
WORN_WEIGHT = 0.2


class Losses(NamedTuple):
    """Means over what the batch has labels for; 0 where it has none."""

    points: Tensor
    presence: Tensor
    kind: Tensor
    worn: Tensor

    @property
    def total(self) -> Tensor:
        return self.points + PRESENCE_WEIGHT * self.presence + KIND_WEIGHT * self.kind + WORN_WEIGHT * self.worn


def losses(reading: Reading, batch: Batch) -> Losses:
    return Losses(
        points=points_loss(reading.heatmaps, batch.positions, batch.presence),
        presence=presence_loss(reading.presence, batch.presence),
        kind=kind_loss(reading.kind, batch.kinds),
        worn=worn_loss(reading.worn, batch.worn),
    )


def points_loss(heatmaps: Tensor, positions: Tensor, presence: Tensor) -> Tensor:
    """Cross-entropy of the softmax over the heatmap with a Gaussian around the point, for points in the picture."""
    labelled = (presence == VISIBLE) | (presence == HIDDEN)
    chosen = heatmaps[labelled].float()
    if not len(chosen):
        return heatmaps.sum() * 0
    height, width = chosen.shape[-2:]
    centre = (positions[labelled] - (STRIDE - 1) / 2) / STRIDE
    log_probability = chosen.flatten(1).log_softmax(-1).view_as(chosen)
    columns, rows = _bell(centre[:, 0], width), _bell(centre[:, 1], height)
    cross_entropy = -torch.einsum("nhw,nw,nh->n", log_probability, columns, rows)
    weight = torch.where(presence[labelled] == HIDDEN, HIDDEN_WEIGHT, 1.0)
    return (cross_entropy * weight).sum() / weight.sum()


def _bell(centre: Tensor, length: int) -> Tensor:
    """(count, length): a Gaussian around each centre that sums to 1."""
    away = torch.arange(length, device=centre.device) - centre[:, None]
    bell = torch.exp(-(away**2) / (2 * SPREAD**2))
    return bell / (bell.sum(-1, keepdim=True) + 1e-6)


def presence_loss(logits: Tensor, presence: Tensor) -> Tensor:
    asked = presence != UNASKED
    if not asked.any():
        return logits.sum() * 0
    return functional.cross_entropy(logits[asked].float(), presence[asked].long())


def kind_loss(logits: Tensor, kinds: Tensor) -> Tensor:
    """The negative logarithm of the probability of all that the picture may show: a class of photos may tell only a part."""
    log_probability = logits.float().log_softmax(-1)
    return -log_probability.masked_fill(~kinds, -torch.inf).logsumexp(-1).mean()


def worn_loss(logits: Tensor, worn: Tensor) -> Tensor:
    asked = worn != UNKNOWN
    if not asked.any():
        return logits.sum() * 0
    return functional.binary_cross_entropy_with_logits(logits[asked].float(), worn[asked].float())
