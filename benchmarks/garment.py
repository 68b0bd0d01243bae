"""What one garment costs on one thread: `python -m benchmarks.garment [--photos 20] [--rounds 3]`.

A photo of 12 megapixels, as a phone makes them: in this process, part by part; through a real worker, for its memory (Django and Celery
included); and, by turns with that, the old way, a fresh process for each photo. CPU is counted, since waiting costs nothing.

The exit code is 1 if a pass of the network takes more than 25 ms of CPU, a photo without the search for a scale (`reference=none`) more
than 120, or the worker holds more than 350 MB.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import django
from PIL import Image

from benchmarks import machine
from benchmarks.client import Load, drive
from benchmarks.engine import FOLDER
from benchmarks.processes import cpu_seconds, end_in_order_on_sigterm, groups, high_water, memory
from benchmarks.report import spread, table
from fitsize.demo_visit import rendered_garment
from keypoints.references import NONE
from tests.stack import Stack

SIZE = (3024, 4032)
CLOTHING = "short_sleeve_top"
MOST_PASS_MS, MOST_PHOTO_MS, MOST_MEGABYTES = 25.0, 120.0, 350.0
PARTS = {
    "open_picture": "decode, small",
    "look": "the network, both looks and their mirror images",
    "find_scale": "search for a scale",
    "measure": "measure",
    "draw_overlay": "draw and save the overlay",
}


def photo() -> bytes:
    with TemporaryDirectory() as folder, Image.open(rendered_garment(Path(folder))) as garment:
        file = io.BytesIO()
        garment.convert("RGB").resize(SIZE, Image.Resampling.LANCZOS).save(file, "JPEG", quality=90)
    return file.getvalue()


class Parts:
    """CPU seconds of the model's parts, photo by photo."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - began

        return timed

    def taken(self) -> dict[str, float]:
        """Milliseconds since the last call."""
        taken, self.seconds = {name: 1000 * value for name, value in self.seconds.items()}, {}
        return taken


@contextmanager
def watched_model() -> Iterator[tuple[Any, Parts]]:
    """The model, its parts wrapped."""
    from keypoints.inference import model as code

    model, parts = code.GarmentModel(), Parts()
    model.load()
    kept = {name: getattr(code, name) for name in PARTS if hasattr(code, name)}
    for name, function in kept.items():
        setattr(code, name, parts.wrapped(name, function))
    model.finder.find = parts.wrapped("look", model.finder.find)  # type: ignore[method-assign]  # for this program alone
    try:
        yield model, parts
    finally:
        for name, function in kept.items():
            setattr(code, name, function)


def in_process(content: bytes, photos: int) -> dict[str, float]:
    """Median CPU milliseconds of a photo: whole, of its parts, and of one pass of the network."""
    from tasks.inference.model import Run

    with watched_model() as (model, parts):

        def photo(reference: str) -> float:
            return spent(lambda: model.predict(Run(), io.BytesIO(content), clothing=CLOTHING, reference=reference))

        photo("sheet")
        found = []
        for _ in range(photos):
            parts.taken()  # what the photo before took
            found.append({"whole": photo("sheet"), **parts.taken(), "without_search": photo(NONE)})
        medians = {name: statistics.median(one[name] for one in found) for name in found[0]}
        return medians | {"network_pass": network_pass(model, photos)}


def spent(work: Callable[[], object]) -> float:
    """CPU milliseconds of this process."""
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def network_pass(model: Any, times: int) -> float:
    """Median CPU milliseconds of one view through the whole network, for one category."""
    import torch

    network, view, category = model.placement.placed().network, torch.zeros(1, 3, 256, 192), torch.tensor([0])
    taken = []
    with torch.inference_mode():
        for _ in range(times + 1):
            taken.append(spent(lambda: network.read(network.encode(view), category)))
    return statistics.median(taken[1:])


def fresh_process(content: bytes) -> float:
    """CPU milliseconds of a photo the old way: a process that loads the model for it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "benchmarks.blocking.garments", CLOTHING], input=content, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def through_worker(stack: Stack, body: str, photos: int) -> float:
    """CPU milliseconds of a photo in the worker's processes, the engine's part included."""
    of_worker = [*groups(stack)["parent"], *groups(stack)["child"]]
    before = cpu_seconds(of_worker)
    drive(Load(int(stack.bind.rpartition(":")[2]), "/api/v1/keypoints", body, photos, 1, stack.key))
    return 1000 * (cpu_seconds(of_worker) - before) / photos


def worker_memory(stack: Stack) -> dict[str, float]:
    """Megabytes of the process that holds the model: now, and at most since it began."""
    (child,) = groups(stack)["child"]
    return {"rss": memory(child).rss, "pss": memory(child).pss, "peak_rss": high_water(child)}


def measured(photos: int, rounds: int) -> dict[str, Any]:
    content = photo()
    body = json.dumps({"image": base64.b64encode(content).decode(), "clothing": CLOTHING})
    facts: dict[str, Any] = {"machine": machine.description(), "photos": photos, "rounds": rounds, "bytes": len(content)}
    facts["parts_cpu_ms"] = in_process(content, photos)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=FOLDER, prefix="garment-") as folder, Stack(Path(folder), workers=("keypoints",)) as stack:
        through_worker(stack, body, 2)
        by_turns = [(through_worker(stack, body, photos), fresh_process(content)) for _ in range(rounds)]
        facts["memory_mb"] = worker_memory(stack)
    facts["worker_cpu_ms"], facts["fresh_process_cpu_ms"] = (list(values) for values in zip(*by_turns, strict=True))
    return facts


def missed(facts: dict[str, Any]) -> list[str]:
    """What is dearer than it may be."""
    parts = facts["parts_cpu_ms"]
    limits = {
        "a pass of the network, CPU ms": (parts["network_pass"], MOST_PASS_MS),
        "a photo with `reference=none`, CPU ms": (parts["without_search"], MOST_PHOTO_MS),
        "the worker's RSS, MB": (facts["memory_mb"]["rss"], MOST_MEGABYTES),
    }
    return [f"{name}: {value:.1f}, at most {most:g}" for name, (value, most) in limits.items() if value > most]


def text(facts: dict[str, Any]) -> str:
    parts, held = facts["parts_cpu_ms"], facts["memory_mb"]
    rows = [["one photo of 12 megapixels, one thread", "CPU ms, median"]]
    rows += [[said, f"{parts[name]:.1f}"] for name, said in PARTS.items() if name in parts]
    rows += [
        ["whole", f"{parts['whole']:.1f}"],
        ["whole, with `reference=none`, a smaller picture", f"{parts['without_search']:.1f}"],
    ]
    rows += [["one pass of the network", f"{parts['network_pass']:.1f}"]]
    ratios = [old / new for new, old in zip(facts["worker_cpu_ms"], facts["fresh_process_cpu_ms"], strict=True)]
    turns = [["by turns", "CPU ms a photo"], ["the worker, engine included", spread(facts["worker_cpu_ms"], 0)]]
    turns += [["a fresh process for each photo", spread(facts["fresh_process_cpu_ms"], 0)], ["ratio", spread(ratios, 1)]]
    memory_row = f"the worker's model process: {held['rss']:.0f} MB resident ({held['pss']:.0f} PSS), at most {held['peak_rss']:.0f}"
    return "\n\n".join([machine.in_words(facts["machine"]), table(rows), table(turns), memory_row])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.garment", description=__doc__)
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="default: var/benchmarks/garment-<date>.json")
    chosen = parser.parse_args()
    end_in_order_on_sigterm()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fitsize.settings")
    django.setup()
    facts = measured(chosen.photos, chosen.rounds)
    short = missed(facts)
    file = chosen.json or FOLDER / f"garment-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps(facts, indent=1))
    print("\n\n".join([text(facts), "\n".join(short) or "as cheap as it has to be", f"written to {file}"]))
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
