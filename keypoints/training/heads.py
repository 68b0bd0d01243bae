"""Teach the small heads once more, when the rest is learned: `keypoints.training.heads DATA OUT.pt` goes on from DATA/checkpoint.pt.

Encoder, decoder and heatmaps stay as they are. What the picture shows, whether it is worn and which points can be seen is learned from
batches that hold each class of photos, each garment on a body and each hidden point about as often as what is common: beside the points'
loss these heads learn little, and a class of which there are few photos nothing.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional

from keypoints.inference.network import GarmentNetwork, Reading
from keypoints.training.batches import Batch, Batches, Mixture, from_batch, normalised
from keypoints.training.labels import UNASKED
from keypoints.training.losses import kind_loss
from keypoints.training.train import FULL_SIZE, WEIGHT_DECAY

HEADS = ("verdict", "presence_")
"""Beginnings of the names of what is learned."""
BATCH = 48
PHOTOS = 0.5
RATE = 2e-3
RARER = torch.tensor([1.0, 6.0, 2.0])
"""How much a visible, a hidden and an absent point count: about the root of how much rarer they are in the renders."""
WORN_COUNTS = 4.0
"""A garment on a body counts as so many that are not."""


def heads_loss(reading: Reading, batch: Batch) -> Tensor:
    """A photo of whose wearer nothing is known counts as of a garment that is not worn: few of those in the classes are."""
    asked = batch.presence != UNASKED
    seen = functional.cross_entropy(reading.presence[asked].float(), batch.presence[asked].long(), RARER)
    worn = (batch.worn == 1).float()
    on_body = functional.binary_cross_entropy_with_logits(reading.worn.float(), worn, 1 + (WORN_COUNTS - 1) * worn)
    return kind_loss(reading.kind, batch.kinds) + on_body + seen


def heads_of(network: GarmentNetwork) -> list[nn.Parameter]:
    """The parameters of the heads; all others are frozen."""
    named = dict(network.named_parameters())
    chosen = {name: parameter for name, parameter in named.items() if name.startswith(HEADS)}
    network.requires_grad_(False)
    for parameter in chosen.values():
        parameter.requires_grad_(True)
    return list(chosen.values())


def learn(network: GarmentNetwork, batches: Iterator[Batch], steps: int) -> None:
    """Normalisation stays as it was learned: only the heads change."""
    optimizer = torch.optim.AdamW(heads_of(network), lr=RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    network.eval()
    network.verdict.train()  # for its drop-out
    for batch in track(itertools.islice(batches, steps), description="teaching the heads", total=steps):
        reading = network.read(network.encode(normalised(batch.pictures)), batch.category)
        loss = heads_loss(reading, batch)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    network.eval()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where keypoints.training.train wrote")
    parser.add_argument("out", type=Path, help="the checkpoint to write")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that prepare pictures")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(chosen.seed)
    state: dict[str, Any] = torch.load(chosen.folder / "checkpoint.pt", map_location="cpu", weights_only=True)
    network = GarmentNetwork()
    network.load_state_dict(state["average"])
    mixture = Mixture(chosen.seed, BATCH, FULL_SIZE, PHOTOS, balanced=True)
    batches = Batches(chosen.folder / "renders", chosen.folder / "photos", mixture)
    learn(network, from_batch(batches, 0, chosen.steps, chosen.workers), chosen.steps)
    state["average"] = network.state_dict()
    state["begun"] |= {"heads": chosen.steps}
    torch.save(state, chosen.out)


if __name__ == "__main__":
    main()
