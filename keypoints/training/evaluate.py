"""How good a network is: `python -m keypoints.training.evaluate WEIGHTS --labelled DIR --photos DIR --scenes 130 --json FILE`.

Points on a folder of labelled real photos, points and presence on scenes kept for judging, the category on the held-out photos of a folder
of classes, and centimetres on scenes of which they are known. Intervals are 95 %, by bootstrap over pictures.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track

from keypoints.evaluation import THRESHOLDS
from keypoints.geometry import Position, definitions_for, diagonal, length, mapped
from keypoints.inference.network import GarmentReader, decode, load_network
from keypoints.inference.points import GREY, HEIGHT, WIDTH, cut, find_points, whole_view
from keypoints.inference.reading import read_kinds
from keypoints.landmarks import CATEGORY, KINDS, NO_GARMENT, Category
from keypoints.training.batches import Batch, collated, framed, normalised
from keypoints.training.cutouts import Cutouts, Picture, load_cutouts
from keypoints.training.labels import HIDDEN, UNASKED, VISIBLE, Labels
from keypoints.training.photos import Photo, photos_in, read_photo
from keypoints.training.scenes import JUDGING_SEEDS, Scene, measured_recipe, scene
from keypoints.training.shards import Shard, read_shard, whole_shards

CONFIDENCES = (0.0, 0.5, 0.7, 0.85, 0.95, 1.0)
INTERVALS = ("pck_02", "pck_05", "pck_10", "nme", "median")
RESAMPLES = 1000

Finder = Callable[[Picture, Category], list[tuple[Position, float]]]
"""Picture and category -> position and confidence of each of the category's points, in its order."""


@dataclass(frozen=True)
class Judged:
    """One labelled point: how far off, as a share of the diagonal of its picture's labels, and how sure the network was."""

    picture: str
    category: str
    point: str
    error: float
    confidence: float


def finder(network: GarmentReader) -> Finder:
    def find(picture: Picture, category: Category) -> list[tuple[Position, float]]:
        return [(point.position, point.confidence) for point in find_points(network, picture, category)]

    return find


def judge_folder(find: Finder, folder: Path) -> list[Judged]:
    """Every labelled point of a folder with a labels.json as data/garments/dev has it."""
    found = []
    for image in track(json.loads((folder / "labels.json").read_text())["images"], description="labelled photos"):
        category = CATEGORY[image["category"]]
        labels = {label["df2_number"] - 1: (label["x"], label["y"]) for label in image["landmarks"]}
        size, points = diagonal(list(labels.values())), find(read_photo(folder / image["file"]), category)
        for number, at in labels.items():
            position, confidence = points[number]
            found.append(Judged(image["file"], category.name, category.points[number], math.dist(position, at) / size, confidence))
    return found


def scores(judged: Sequence[Judged]) -> dict[str, float]:
    errors = np.array([point.error for point in judged])
    shares = {name: float((errors < limit).mean()) for name, limit in THRESHOLDS.items()}
    spread = {"nme": float(np.minimum(errors, 1).mean()), "median": float(np.median(errors))}
    return shares | spread | {"photos": len({point.picture for point in judged}), "points": len(judged)}


def interval(judged: Sequence[Judged], score: str) -> tuple[float, float]:
    """95 %, by resampling whole pictures: the points of one picture err together."""
    groups: dict[str, list[Judged]] = {}
    for point in judged:
        groups.setdefault(point.picture, []).append(point)
    pictures, rng = list(groups.values()), np.random.default_rng(0)
    samples = [
        scores([point for number in rng.integers(len(pictures), size=len(pictures)) for point in pictures[number]])[score]
        for _ in range(RESAMPLES)
    ]
    low, high = np.percentile(samples, [2.5, 97.5])
    return float(low), float(high)


def reliability(judged: Sequence[Judged]) -> list[dict[str, float]]:
    """By confidence: how many points, how many are off by more than a twentieth, and the error that nine of ten stay under."""
    rows = []
    for low, high in zip(CONFIDENCES, CONFIDENCES[1:], strict=False):
        errors = np.array([point.error for point in judged if low <= point.confidence < high or point.confidence == high == 1.0])
        if len(errors):
            row = {"from": low, "to": high, "points": len(errors), "wrong": float((errors >= 0.05).mean())}
            rows.append(row | {"p90": float(np.percentile(errors, 90))})
    return rows


def by(judged: Sequence[Judged], name: Callable[[Judged], str]) -> dict[str, dict[str, float]]:
    groups: dict[str, list[Judged]] = {}
    for point in judged:
        groups.setdefault(name(point), []).append(point)
    return {key: scores(group) for key, group in sorted(groups.items())}


# ------------------------------------------------------------------------------------------------------------- scenes kept for judging


@torch.inference_mode()
def judged_shards(network: GarmentReader, folder: Path, limit: int = 400) -> dict[str, float]:
    """Points, presence and kind on the renders in the shards there, each seen once, whole; empty where there is no shard."""
    network.eval()
    points, presence, kinds = [], [], []
    for batch in whole_pictures([read_shard(path) for path in whole_shards(folder)], limit):
        device = next(network.parameters()).device
        reading = network.read(network.encode(normalised(batch.pictures.to(device))), batch.category.to(device))
        points.append(point_errors(reading.heatmaps.cpu(), batch))
        asked = batch.presence != UNASKED
        presence.append(torch.stack([reading.presence.cpu().argmax(-1)[asked], batch.presence[asked].long()]))
        kinds.append(batch.kinds.gather(1, reading.kind.cpu().argmax(-1, keepdim=True)))
    if not points:
        return {}
    errors, (said, true) = torch.cat(points), torch.cat(presence, dim=1)
    shares = {name: float((errors < limit).float().mean()) for name, limit in THRESHOLDS.items()}
    recall = {"seen_as_visible": VISIBLE, "seen_as_hidden": HIDDEN, "seen_as_absent": 2}
    told = {name: float((said[true == number] == number).float().mean()) for name, number in recall.items()}
    return shares | {"median": float(errors.median())} | told | {"kind": float(torch.cat(kinds).float().mean())}


def whole_pictures(shards: Sequence[Shard], limit: int) -> Iterable[Batch]:
    """Batches of 20: the whole picture, centred, as the service looks first."""
    rng = np.random.default_rng(0)
    samples = [whole(shard.picture(number), shard.labels(number)) for shard in shards for number in range(len(shard))][:limit]
    for start in range(0, len(samples), 20):
        yield collated(rng, samples[start : start + 20])


def whole(picture: Picture, labels: Labels) -> tuple[Picture, Labels]:
    view = whole_view(picture)
    positions = (labels.positions * view[0, 0] + view[:, 2]).astype(np.float32)
    presence = framed(positions, labels.presence, (WIDTH, HEIGHT))
    return cut(picture, view, (WIDTH, HEIGHT), GREY), Labels(positions, presence, labels.kinds, labels.worn)


def point_errors(heatmaps: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Of the visible points, as shares of the diagonal of the box of those of their picture."""
    positions, _ = decode(heatmaps)
    errors = []
    for found, true, presence in zip(positions, batch.positions, batch.presence, strict=True):
        seen = presence == VISIBLE
        if int(seen.sum()) > 2:
            size = (true[seen].amax(0) - true[seen].amin(0)).norm()
            errors.append((found[seen] - true[seen]).norm(dim=-1) / size)
    return torch.cat(errors) if errors else torch.zeros(0)


# ------------------------------------------------------------------------------------------------------------- category


def judge_kinds(network: GarmentReader, photos: Sequence[Photo]) -> dict[str, Any]:
    """Category head on photos of which the class is known: right means that the likeliest kind is one that the class allows.

    `caught` (by the highest probability that a given category may have to be contradicted): the share of wrong categories that are
    contradicted, over all categories that the class does not allow, and of right ones (the likeliest allowed), which are false alarms.
    """
    network.eval()
    table = np.stack([kind_row(network, photo) for photo in track(photos, description="held-out photos")])
    allowed = np.stack([photo.kinds for photo in photos])
    likeliest = table.argmax(1)
    right = allowed[np.arange(len(photos)), likeliest]
    none = KINDS.index(NO_GARMENT)
    garments = ~allowed[:, none]
    caught = {
        f"{limit:g}": {
            "wrong": share((table[:, :none] < limit)[garments][~allowed[garments][:, :none]]),
            "right": share((np.where(allowed, table, 0).max(1) < limit)[garments]),
        }
        for limit in (0.02, 0.05, 0.1, 0.2, 0.3)
    }
    labels = np.array([photo.label for photo in photos])
    classes = [str(label) for label in np.unique(labels)]
    return {
        "photos": len(photos),
        "right": float(right.mean()),
        "garments_right": share(right[garments]),
        "no_garment_right": share(right[~garments]),
        "caught": caught,
        "by_class": {label: {"photos": int((labels == label).sum()), "right": float(right[labels == label].mean())} for label in classes},
        "confusion": {label: counted([KINDS[kind] for kind in likeliest[labels == label]]) for label in classes},
    }


def kind_row(network: GarmentReader, photo: Photo) -> npt.NDArray[np.float64]:
    kinds, _ = read_kinds(network, read_photo(photo.path))
    return np.array([kinds[kind] for kind in KINDS])


def share(true: npt.NDArray[np.bool_]) -> float | None:
    return float(true.mean()) if len(true) else None


def counted(words: Sequence[str]) -> dict[str, int]:
    return {word: words.count(word) for word in sorted(set(words))}


# ------------------------------------------------------------------------------------------------------------- centimetres


def judge_centimetres(find: Finder, scenes: Iterable[Scene]) -> dict[str, dict[str, float]]:
    """Errors of each measurement in centimetres with the true homography: the network's own part of them."""
    errors: dict[str, list[float]] = {}
    for shown in scenes:
        category = CATEGORY[shown.recipe.category]
        positions = {name: position for name, (position, _) in zip(category.points, find(shown.picture, category), strict=True)}
        back = np.linalg.inv(shown.homography).tolist()
        found = mapped(positions, (tuple(back[0]), tuple(back[1]), tuple(back[2])))
        for definition in definitions_for(list(category.points)):
            errors.setdefault(definition.name, []).append(abs(length(definition, found) - length(definition, shown.centimetres)))
    every = [error for values in errors.values() for error in values]
    return {name: spread(values) for name, values in [("all", every), *sorted(errors.items())] if values}


def spread(errors: Sequence[float]) -> dict[str, float]:
    return {"count": len(errors), "median": float(np.median(errors)), "p90": float(np.percentile(errors, 90))}


def measured_scenes(count: int, cutouts: Cutouts) -> Iterable[Scene]:
    for number in track(range(count), description="scenes with known centimetres"):
        seed = JUDGING_SEEDS * 2 + number
        yield scene(seed, cutouts, measured_recipe(seed))


def evaluation(network: GarmentReader, chosen: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if chosen.labelled:
        judged = judge_folder(finder(network), chosen.labelled)
        found["points"] = scores(judged) | {f"{name}_interval": interval(judged, name) for name in INTERVALS}
        found["reliability"] = reliability(judged)
        found["by_category"] = by(judged, lambda point: point.category)
        found["by_point"] = by(judged, lambda point: point.point.replace("_left", "").replace("_right", ""))
    if chosen.photos:
        found["kinds"] = judge_kinds(network, photos_in(chosen.photos, for_judging=True))
    if chosen.scenes:
        cutouts = load_cutouts(chosen.cutouts) if chosen.cutouts else Cutouts()
        found["centimetres"] = judge_centimetres(finder(network), measured_scenes(chosen.scenes, cutouts))
    if chosen.judging:
        found["scenes"] = judged_shards(network, chosen.judging, limit=10_000)
    return found


def reader(path: Path) -> GarmentReader:
    """Of exported weights or of a checkpoint, whose average it is. Raises ValueError for weights of another network."""
    if path.suffix == ".pt":
        network = GarmentReader()
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["average"])
        return network.eval()
    loaded, _ = load_network(path)
    if not isinstance(loaded, GarmentReader):
        raise ValueError(f"{path} holds no GarmentReader")
    return loaded


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, help=".safetensors, or a checkpoint.pt")
    parser.add_argument("--labelled", type=Path, help="a folder with labels.json")
    parser.add_argument("--photos", type=Path, help="a folder of classes; its held-out photos judge the category head")
    parser.add_argument("--scenes", type=int, default=0, help="how many scenes with known centimetres")
    parser.add_argument("--cutouts", type=Path, help="cut-outs for the scenes; procedural without")
    parser.add_argument("--judging", type=Path, help="a folder of shards kept for judging")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    text = json.dumps(evaluation(reader(chosen.weights), chosen), indent=1)
    print(text)
    if chosen.json:
        chosen.json.write_text(text)


if __name__ == "__main__":
    main()
