"""How good a network is: `python -m keypoints.training.evaluate WEIGHTS --labelled DIR --photos DIR --scenes 130 --json FILE`.

Points on a folder of labelled real photos, points and presence on scenes kept for judging, the category on the held-out photos of a folder
of classes, and centimetres on scenes of which they are known.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track

from keypoints.evaluation import THRESHOLDS, report
from keypoints.geometry import definitions_for, length, mapped
from keypoints.inference.crops import GREY, HEIGHT, WIDTH, cut, whole_view
from keypoints.inference.evaluate import answers
from keypoints.inference.finders import Finder, GarmentFinder
from keypoints.inference.network import GarmentNetwork, decode, load_network
from keypoints.inference.reading import read_garment
from keypoints.labelled import read_labels
from keypoints.landmarks import CATEGORY, KINDS, NO_GARMENT
from keypoints.training.batches import Batch, collated, framed, normalised
from keypoints.training.cutouts import Cutouts, Picture, load_cutouts
from keypoints.training.labels import HIDDEN, UNASKED, VISIBLE, Labels
from keypoints.training.photos import Photo, photos_in, read_photo
from keypoints.training.scenes import JUDGING_SEEDS, Scene, measured_recipe, scene
from keypoints.training.shards import Shard, read_shard, whole_shards

# ------------------------------------------------------------------------------------------------------------- scenes kept for judging


@torch.inference_mode()
def judged_shards(network: GarmentNetwork, folder: Path, limit: int = 400) -> dict[str, float]:
    """Points, presence and kind on the renders in the shards there, each seen once, whole; empty where there is no shard."""
    network.eval()
    points, presence, kinds, worn = [], [], [], []
    for batch in whole_pictures([read_shard(path) for path in whole_shards(folder)], limit):
        device = next(network.parameters()).device
        reading = network.read(network.encode(normalised(batch.pictures.to(device))), batch.category.to(device))
        points.append(point_errors(reading.heatmaps.cpu(), batch))
        asked = batch.presence != UNASKED
        presence.append(torch.stack([reading.presence.cpu().argmax(-1)[asked], batch.presence[asked].long()]))
        worn.append(torch.stack([reading.worn.cpu() >= 0, batch.worn == 1]))
        kinds.append(batch.kinds.gather(1, reading.kind.cpu().argmax(-1, keepdim=True)))
    if not points:
        return {}
    errors, (said, true) = torch.cat(points), torch.cat(presence, dim=1)
    shares = {name: float((errors < limit).float().mean()) for name, limit in THRESHOLDS.items()}
    recall = {"seen_as_visible": VISIBLE, "seen_as_hidden": HIDDEN, "seen_as_absent": 2}
    told = {name: float((said[true == number] == number).float().mean()) for name, number in recall.items()}
    on_body, truly = torch.cat(worn, dim=1)
    told |= {"worn_seen": float(on_body[truly].float().mean()), "worn_imagined": float(on_body[~truly].float().mean())}
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


def judge_kinds(network: GarmentNetwork, photos: Sequence[Photo]) -> dict[str, Any]:
    """Category head on photos of which the class is known: right means that the likeliest kind is one that the class allows.

    `caught` (by the highest probability that a given category may have to be contradicted): the share of wrong categories that are
    contradicted, over all categories that the class does not allow, and of right ones (the likeliest allowed), which are false alarms.
    """
    network.eval()
    read = [read_garment(network, read_photo(photo.path)) for photo in track(photos, description="held-out photos")]
    sights = [garment.sight for garment in read if garment.sight]
    table = np.array([[sight.kinds[kind] for kind in KINDS] for sight in sights])
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
        "called_worn": float(np.mean([sight.worn >= 0.5 for sight in sights])),
        "by_class": {label: {"photos": int((labels == label).sum()), "right": float(right[labels == label].mean())} for label in classes},
        "confusion": {label: counted([KINDS[kind] for kind in likeliest[labels == label]]) for label in classes},
    }


def share(true: npt.NDArray[np.bool_]) -> float | None:
    return float(true.mean()) if len(true) else None


def counted(words: Sequence[str]) -> dict[str, int]:
    return {word: words.count(word) for word in sorted(set(words))}


# ------------------------------------------------------------------------------------------------------------- centimetres


def judge_centimetres(finder: Finder, scenes: Iterable[Scene]) -> dict[str, dict[str, float]]:
    """Errors of each measurement in centimetres with the true homography: the network's own part of them."""
    errors: dict[str, list[float]] = {}
    for shown in scenes:
        category = CATEGORY[shown.recipe.category]
        positions = {point.name: point.position for point in finder.find(shown.picture, [category]).points}
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


def evaluation(network: GarmentNetwork, chosen: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    finder = GarmentFinder(network, chosen.weights.name)
    if chosen.labelled:
        photos = read_labels(chosen.labelled)
        found["labelled"] = report(list(track(answers(finder, photos), description="labelled photos", total=len(photos))))
    if chosen.photos:
        found["kinds"] = judge_kinds(network, photos_in(chosen.photos, for_judging=True))
    if chosen.scenes:
        cutouts = load_cutouts(chosen.cutouts) if chosen.cutouts else Cutouts()
        found["centimetres"] = judge_centimetres(finder, measured_scenes(chosen.scenes, cutouts))
    if chosen.judging:
        found["scenes"] = judged_shards(network, chosen.judging, limit=10_000)
    return found


def network_in(path: Path) -> GarmentNetwork:
    """Of exported weights or of a checkpoint, whose average it is."""
    if path.suffix == ".pt":
        network = GarmentNetwork()
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["average"])
        return network.eval()
    return load_network(path)[0]


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
    text = json.dumps(evaluation(network_in(chosen.weights), chosen), indent=1)
    print(text)
    if chosen.json:
        chosen.json.write_text(text)


if __name__ == "__main__":
    main()
