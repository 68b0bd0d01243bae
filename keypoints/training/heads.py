"""Teach the small heads once more, when the rest is learned: `keypoints.training.heads DATA OUT.pt` goes on from DATA/checkpoint.pt.

Encoder, decoder and heatmaps stay as they are. Which points can be seen, what the picture shows and whether it is worn is learned from
examples among which what is rare counts more: beside the points' loss these heads learn little, and of what is rare nothing.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional

from keypoints.inference.network import GarmentNetwork, overall
from keypoints.landmarks import KINDS
from keypoints.training.batches import Batch, Batches, Mixture, from_batch, normalised
from keypoints.training.labels import UNASKED, UNKNOWN
from keypoints.training.losses import kind_loss
from keypoints.training.train import FULL_SIZE, WEIGHT_DECAY

BATCH = 48
PHOTOS = 0.5
RATE = 2e-3
RARER = torch.tensor([1.0, 6.0, 2.0])
"""How much a visible, a hidden and an absent point count: about the root of how much rarer they are in the renders."""
VERDICT_STEPS, VERDICT_BATCH, VERDICT_DECAY = 1500, 128, 0.1
LEFT_OUT = 0.3
"""Share of the features that a step of the verdict does without."""
OF_PHOTOS = 0.7
"""Share of the verdict's examples that are photos; the rest are renders, which alone teach what is worn."""
EVENLY = 0.7
"""Between 0, every picture as often as any other, and 1, every class so."""


@dataclass(frozen=True)
class Glimpses:
    """What the verdict is learned from: `features` (count, 640), of pictures that may show `kinds` (count, 14); `worn` 0, 1 or UNKNOWN."""

    features: Tensor
    kinds: Tensor
    worn: Tensor


def teach_presence(network: GarmentNetwork, batches: Iterator[Batch], steps: int) -> Glimpses:
    """Learn which points can be seen; gives what was glimpsed on the way. Normalisation stays as it was learned."""
    optimizer = torch.optim.AdamW(presence_parameters(network), lr=RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    network.eval()
    glimpsed: list[tuple[Tensor, Tensor, Tensor]] = []
    for batch in track(itertools.islice(batches, steps), description="teaching which points can be seen", total=steps):
        levels = network.encode(normalised(batch.pictures))
        asked = batch.presence != UNASKED
        said = network.read(levels, batch.category).presence
        loss = functional.cross_entropy(said[asked], batch.presence[asked].long(), RARER)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        glimpsed.append((overall(levels), batch.kinds, batch.worn))
    return Glimpses(*(torch.cat(values) for values in zip(*glimpsed, strict=True)))


def presence_parameters(network: GarmentNetwork) -> list[nn.Parameter]:
    """All others are frozen."""
    network.requires_grad_(False)
    chosen = [parameter for name, parameter in network.named_parameters() if name.startswith("presence_")]
    for parameter in chosen:
        parameter.requires_grad_(True)
    return chosen


def teach_verdict(network: GarmentNetwork, seen: Glimpses, rng: np.random.Generator) -> None:
    """Learn the verdict anew, on features of mean 0 and deviation 1, which is worked into its first layer at the end.

    A photo counts as of a garment that is not worn: nobody has looked, but few of them are.
    """
    mean, deviation = seen.features.mean(0), seen.features.std(0) + 1e-5
    features, worn = (seen.features - mean) / deviation, (seen.worn == 1).float()
    verdict = network.verdict.requires_grad_(True)
    for layer in verdict:
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    optimizer = torch.optim.AdamW(verdict.parameters(), lr=RATE, weight_decay=VERDICT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, VERDICT_STEPS)
    chances = evened(seen)
    verdict.train()
    for _ in track(range(VERDICT_STEPS), description="teaching what a picture shows"):
        chosen = torch.from_numpy(rng.choice(len(features), VERDICT_BATCH, p=chances))
        said = verdict(functional.dropout(features[chosen], LEFT_OUT))
        on_body = functional.binary_cross_entropy_with_logits(said[:, -1], worn[chosen])
        loss = kind_loss(said[:, : len(KINDS)], seen.kinds[chosen]) + on_body
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    verdict.eval()
    standardised(verdict[0], mean, deviation)


@torch.no_grad()
def standardised(layer: nn.Module, mean: Tensor, deviation: Tensor) -> None:
    """Have a linear layer, whose inputs were (x - mean) / deviation, take x itself."""
    assert isinstance(layer, nn.Linear)
    layer.weight.div_(deviation)
    layer.bias.sub_(layer.weight @ mean)


def evened(seen: Glimpses) -> npt.NDArray[np.float64]:
    """The chance of each glimpse to be drawn."""
    photos = (seen.worn == UNKNOWN).numpy()
    of_class = np.unique(np.column_stack([seen.kinds.numpy(), seen.worn.numpy()]), axis=0, return_inverse=True)[1]
    chances = np.bincount(of_class)[of_class] ** -EVENLY
    for side, share in ((photos, OF_PHOTOS), (~photos, 1 - OF_PHOTOS)):
        chances[side] *= share / max(chances[side].sum(), 1e-12)
    return np.asarray(chances / chances.sum())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where keypoints.training.train wrote")
    parser.add_argument("out", type=Path, help="the checkpoint to write")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that prepare pictures")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(chosen.seed)
    state: dict[str, Any] = torch.load(chosen.folder / "checkpoint.pt", map_location="cpu", weights_only=True)
    network = GarmentNetwork()
    kept = {name: value for name, value in state["average"].items() if not name.startswith("verdict.")}
    network.load_state_dict(kept, strict=False)  # the verdict is learned anew
    mixture = Mixture(chosen.seed, BATCH, FULL_SIZE, PHOTOS, balanced=True)
    batches = Batches(chosen.folder / "renders", chosen.folder / "photos", mixture)
    seen = teach_presence(network, from_batch(batches, 0, chosen.steps, chosen.workers), chosen.steps)
    teach_verdict(network, seen, np.random.default_rng(chosen.seed))
    state["average"] = network.state_dict()
    state["begun"] |= {"heads": chosen.steps}
    torch.save(state, chosen.out)


if __name__ == "__main__":
    main()
