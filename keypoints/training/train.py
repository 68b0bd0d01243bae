"""Train the network: `python -m keypoints.training.train FOLDER` on the shards there, on a GPU if there is one, else on CPU cores.

It keeps its whole state in FOLDER/checkpoint.pt and goes on from there: the same command again after any stop; what comes out is what one
run without stops gives. `--steps` and `--photos` may be changed in between; in the last two fifths of the steps the learning rate falls.
FOLDER/curve.csv gets a line at each report.
"""

from __future__ import annotations

import argparse
import copy
import csv
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from keypoints.inference.crops import HEIGHT, WIDTH
from keypoints.inference.network import GarmentNetwork
from keypoints.training.batches import Batch, Batches, Mixture, Size, from_batch, normalised
from keypoints.training.evaluate import judged_shards
from keypoints.training.losses import Losses, losses

SMALL_SIZE: Size = (144, 192)
FULL_SIZE: Size = (WIDTH, HEIGHT)
WARM_UP = 200
"""Steps in which the learning rate rises."""
CONSTANT = 0.6
"""Share of the steps at the full learning rate; then it falls along a cosine."""
LOWEST = 0.01
"""The last learning rate as a share of the full one."""
AVERAGED = 0.9995
"""Weight of the past in the moving average of the weights, which is what is evaluated and exported."""
LARGEST_GRADIENT = 5.0
WEIGHT_DECAY = 1e-3
SEEDS_APART = 1_000_003


@dataclass(frozen=True)
class Plan:
    """How to train. `small`: share of the steps with pictures of three quarters the size, which take half the time. `until`: stop after so
    many of the steps."""

    folder: Path
    steps: int
    seed: int = 0
    batch: int = 32
    photos: float = 0.13
    rate: float = 3e-3
    small: float = 0.4
    workers: int = 1
    report_minutes: float = 10.0
    until: int | None = None

    @property
    def last(self) -> int:
        return self.steps if self.until is None else min(self.until, self.steps)


class Training:
    """The network, its average, the optimizer and how far they are."""

    def __init__(self, plan: Plan, device: torch.device) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.device, self.step, self.seconds = plan, device, 0, 0.0
        self.network = GarmentNetwork().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # its stubs lack it
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=plan.rate, weight_decay=WEIGHT_DECAY, betas=(0.9, 0.99))

    @property
    def checkpoint(self) -> Path:
        return self.plan.folder / "checkpoint.pt"

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one. Raises ValueError if it was begun with another seed or batch."""
        if not self.checkpoint.exists():
            return
        state: dict[str, Any] = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        if state["begun"] != self.begun():
            raise ValueError(f"{self.checkpoint} was begun with {state['begun']}, not {self.begun()}")
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]

    def save(self) -> None:
        """Whole or not at all."""
        state = {"network": self.network.state_dict(), "average": self.average.state_dict(), "optimizer": self.optimizer.state_dict()}
        state |= {"step": self.step, "seconds": self.seconds, "begun": self.begun()}
        unfinished = self.checkpoint.with_suffix(".unfinished")
        torch.save(state, unfinished)
        unfinished.rename(self.checkpoint)

    def begun(self) -> dict[str, float]:
        """What may not change between two parts of a run."""
        return {"seed": self.plan.seed, "batch": self.plan.batch, "rate": self.plan.rate}

    def learn(self, batch: Batch) -> Losses:
        """One step. Gives the losses, detached."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate * rate_share(self.step, self.plan.steps)
        torch.manual_seed(self.plan.seed * SEEDS_APART + self.step)  # drop-out is the same after a stop
        batch = Batch(*(values.to(self.device, non_blocking=True) for values in batch))
        pictures = normalised(batch.pictures).contiguous(memory_format=torch.channels_last)
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type != "cpu"):  # without AMX it is slower on a CPU
            reading = self.network.read(self.network.encode(pictures), batch.category)
        parts = losses(reading, batch)
        self.optimizer.zero_grad()
        parts.total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        self.follow()
        self.step += 1
        return Losses(*(part.detach() for part in parts))

    @torch.no_grad()
    def follow(self) -> None:
        """Move the average towards the network; quickly at first."""
        kept = min(AVERAGED, (1 + self.step) / (10 + self.step))
        for old, new in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
            if old.is_floating_point():
                old.lerp_(new, 1 - kept)
            else:
                old.copy_(new)


def rate_share(step: int, steps: int) -> float:
    """Learning rate as a share of the full one: warm-up, constant, and a cosine down to LOWEST at the end."""
    falling = max(0.0, (step / steps - CONSTANT) / (1 - CONSTANT))
    return min(1.0, (step + 1) / WARM_UP) * (LOWEST + (1 - LOWEST) * 0.5 * (1 + math.cos(math.pi * min(1.0, falling))))


def batches_of(plan: Plan, first: int) -> Iterator[Batch]:
    """The batches from this step to the last: small pictures first."""
    turn = int(plan.small * plan.steps)
    for size, start, end in ((SMALL_SIZE, 0, turn), (FULL_SIZE, turn, plan.steps)):
        if max(first, start) < min(end, plan.last):
            mixture = Mixture(plan.seed, plan.batch, size, plan.photos)
            batches = Batches(plan.folder / "renders", plan.folder / "photos", mixture)
            yield from from_batch(batches, max(first, start), min(end, plan.last), plan.workers)


def train(training: Training, report: Callable[[Training, Losses], None]) -> None:
    """Until the plan's last step, or `until`. Saves and reports every `report_minutes` and at the end."""
    plan, latest, sums, count = training.plan, time.monotonic(), torch.zeros(4), 0
    bar = Progress(
        TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("loss {task.fields[loss]:.3f}"), TimeRemainingColumn()
    )
    with bar:
        task = bar.add_task("", total=plan.steps, completed=training.step, loss=math.nan)
        for batch in batches_of(plan, training.step):
            parts = training.learn(batch)
            sums, count = sums + torch.stack(parts).cpu(), count + 1
            bar.update(task, completed=training.step, loss=float(sums[0] / count))
            passed = time.monotonic() - latest
            if passed > 60 * plan.report_minutes or training.step == plan.last:
                training.seconds += passed
                training.save()
                report(training, Losses(*(sums / count)))
                latest, sums, count = time.monotonic(), torch.zeros(4), 0


def write_line(path: Path, values: dict[str, float]) -> None:
    """Add a line to a CSV file that starts with its columns."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(values))
        if new:
            writer.writeheader()
        writer.writerow({name: f"{value:.6g}" for name, value in values.items()})


def report_to(folder: Path) -> Callable[[Training, Losses], None]:
    """Prints and writes how training and scenes kept for judging (FOLDER/judging) stand."""

    def report(training: Training, parts: Losses) -> None:
        values: dict[str, float] = {"step": training.step, "pictures": training.step * training.plan.batch, "seconds": training.seconds}
        values |= {f"loss_{name}": float(part) for name, part in parts._asdict().items()}
        values |= judged_shards(training.average, folder / "judging")
        write_line(folder / "curve.csv", values)
        print(" ".join(f"{name} {value:.4g}" for name, value in values.items()), flush=True)

    return report


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where keypoints.training.shards wrote, and checkpoint and curve go")
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--until", type=int, help="stop after this one of the steps, to go on later")
    parser.add_argument("--photos", type=float, default=0.13, help="share of real photos")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that prepare pictures")
    parser.add_argument("--report-minutes", type=float, default=10)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    chosen = vars(parser.parse_args(arguments))
    torch.set_num_threads(chosen.pop("threads"))
    device = torch.device(chosen.pop("device"))
    training = Training(Plan(**chosen), device)
    training.resume()
    train(training, report_to(training.plan.folder))


if __name__ == "__main__":
    main()
