"""How right are the centimetres, from the photo to the answer? `python -m benchmarks.centimetres [--scenes 130] [--scenery ours prototype]`

Scenes whose centimetres are known, frozen by their seeds and never trained on: a garment of each category in turn, laid out on a cluttered
ground, in perspective, 3 megapixels, JPEG. `ours` have the printed scale sheet beside it; `prototype`'s, drawn by the findings'
render.py where ../shared is there, have no room for one: there a client clicks the corners of a rectangle of 30 x 40 cm, missing by
0.15 % of the picture. Each goes through the whole model, as a job would. Measurements that the model rejects count apart.

The exit code is 1 if chest, body length, waist or outseam are off by more than 1.0 cm (median) or 2.5 cm (p90), or if fewer than 85 % or
more than 95 % of the 90 % intervals hold the truth.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import django
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from benchmarks import machine
from benchmarks.engine import FOLDER
from benchmarks.report import table
from keypoints.geometry import Position, definitions_for, length
from keypoints.landmarks import CATEGORIES, CATEGORY
from keypoints.training.cutouts import Cutouts, load_cutouts
from keypoints.training.scenes import JUDGING_SEEDS, measured_recipe, scene

PROTOTYPE = Path(__file__).resolve().parents[2] / "shared" / "prototypes" / "garments"
FIRST_SEED = 2 * JUDGING_SEEDS
RECTANGLE = np.array([[-15.0, -20.0], [15.0, -20.0], [15.0, 20.0], [-15.0, 20.0]])
MISSED = 0.0015
WANTED = ("chest_width", "body_length", "waist_width", "outseam")
MOST_MEDIAN, MOST_P90 = 1.0, 2.5
COVERED = (0.85, 0.95)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """A photo as JPEG, what a client says of it, and the garment's points in centimetres."""

    photo: bytes
    asked: Mapping[str, Any]
    centimetres: Mapping[str, Position]


@dataclass(frozen=True)
class Answered:
    """One measurement; `value` is None without a number, `reason` then says why."""

    name: str
    truth: float
    value: float | None
    plus_minus: float
    quality: str
    reason: str = ""

    @property
    def error(self) -> float:
        return abs((self.value or 0.0) - self.truth)


def ours(count: int, cutouts: Cutouts) -> Iterator[Known]:
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        shown = scene(seed, cutouts, measured_recipe(seed))
        yield Known(jpeg(shown.picture), {"clothing": shown.recipe.category}, shown.centimetres)


def prototypes(count: int) -> Iterator[Known]:
    """Its grounds and cloths are procedural here: the pictures that it had are not in ../shared."""
    sys.path.insert(0, str(PROTOTYPE))
    drawer = importlib.import_module("render")
    schema: Any = importlib.import_module("schema")
    bank = drawer.Bank(np.random.default_rng(FIRST_SEED))
    for seed in range(count):
        rng, number = np.random.default_rng([FIRST_SEED, seed]), seed % len(CATEGORIES) + 1
        shown = drawer.render(rng, bank, number, H=2000, W=1500)
        names = dict(zip(schema.CATS[number][1], CATEGORIES[number - 1].points, strict=True))
        centimetres = {names[name]: (float(x), float(y)) for name, (x, y) in shown["cm"].items()}
        middle = np.mean(list(centimetres.values()), axis=0)
        corners = cv2.perspectiveTransform((RECTANGLE + middle)[None], np.asarray(shown["H"], dtype=np.float64))[0]
        corners += rng.normal(0, MISSED * 2000, corners.shape)
        clicked = {"reference": "corners", "corners": " ".join(f"{x:.1f},{y:.1f}" for x, y in corners), "width_cm": 30.0, "height_cm": 40.0}
        yield Known(jpeg(shown["img"][..., ::-1]), {"clothing": CATEGORIES[number - 1].name, **clicked}, centimetres)


def jpeg(picture: npt.NDArray[np.uint8]) -> bytes:
    _, content = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    return content.tobytes()


def answered(model: Any, known: Known) -> list[Answered]:
    """Every measurement of the garment but its girths."""
    from tasks.errors import InvalidInput
    from tasks.inference.model import Run

    category = CATEGORY[known.asked["clothing"]]
    truths = {
        definition: length(definition, known.centimetres) for definition in definitions_for(category.points) if not definition.derived
    }
    try:
        result = model.predict(Run(), io.BytesIO(known.photo), **known.asked)
    except InvalidInput as error:
        return [Answered(definition.name, truth, None, 0.0, "rejected", str(error.code)) for definition, truth in truths.items()]
    found = {(said["name"], said["definition"]): said for said in result["measurements"]}
    return [one(truth, found[definition.name, definition.taken], result) for definition, truth in truths.items()]


def one(truth: float, said: dict[str, Any], result: dict[str, Any]) -> Answered:
    reason = "" if said["value_cm"] is not None else "no scale" if result["scale"] is None else "absent point"
    return Answered(said["name"], truth, said["value_cm"], said["plus_minus_cm"] or 0.0, said["quality"], reason)


def summary(answers: Sequence[Answered]) -> dict[str, Any]:
    """Errors in centimetres of what was not rejected; `covered`: the share of those whose plus-minus holds the truth."""
    offered = [answer for answer in answers if answer.value is not None and answer.quality != "rejected"]
    errors = np.array([answer.error for answer in offered])
    facts = {"asked": len(answers), "offered": len(offered), "ok": sum(answer.quality == "ok" for answer in offered)}
    if not offered:
        return facts
    inside = np.array([answer.error <= answer.plus_minus for answer in offered])
    return facts | {
        "median_cm": float(np.median(errors)),
        "p90_cm": float(np.percentile(errors, 90)),
        "plus_minus_cm": float(np.median([answer.plus_minus for answer in offered])),
        "covered": float(inside.mean()),
    }


def summaries(answers: Sequence[Answered]) -> dict[str, dict[str, Any]]:
    names = sorted({answer.name for answer in answers})
    groups = {"all": list(answers), "wanted": [answer for answer in answers if answer.name in WANTED]}
    groups |= {name: [answer for answer in answers if answer.name == name] for name in names}
    return {name: summary(group) for name, group in groups.items()}


def missed(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is not as good as it has to be."""
    said = []
    for name in WANTED:
        facts = found[name]
        if facts["median_cm"] > MOST_MEDIAN or facts["p90_cm"] > MOST_P90:
            said.append(f"{name}: median {facts['median_cm']:.2f}, p90 {facts['p90_cm']:.2f} cm")
    if not COVERED[0] <= found["all"]["covered"] <= COVERED[1]:
        said.append(f"{found['all']['covered']:.1%} of the intervals hold the truth")
    return said


def text(found: Mapping[str, Mapping[str, Any]]) -> str:
    columns = {"median_cm": ".2f", "p90_cm": ".2f", "plus_minus_cm": ".2f", "covered": ".1%"}
    rows = [["", "asked", "not rejected", "ok", "median cm", "p90 cm", "±, median", "truth within ±"]]
    for name, facts in found.items():
        counts = [str(facts[key]) for key in ("asked", "offered", "ok")]
        rows.append([name, *counts, *[format(facts[key], form) if key in facts else "-" for key, form in columns.items()]])
    return table(rows)


def scenes_of(scenery: str, count: int, cutouts: Path | None) -> Iterator[Known]:
    if scenery == "prototype":
        return prototypes(count)
    return ours(count, load_cutouts(cutouts) if cutouts else Cutouts())


def measured(model: Any, scenery: str, chosen: argparse.Namespace) -> dict[str, dict[str, Any]]:
    scenes = scenes_of(scenery, chosen.scenes, chosen.cutouts)
    seen = track(scenes, f"{scenery} scenes", total=chosen.scenes, console=Console(stderr=True), transient=True)
    found = summaries([answer for known in seen for answer in answered(model, known)])
    print(f"\n{model.version}, {chosen.scenes} {scenery} scenes\n{text(found)}")
    return found


def loaded() -> Any:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fitsize.settings")
    django.setup()
    from keypoints.inference.model import GarmentModel

    model = GarmentModel()
    model.load()
    return model


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.centimetres", description=__doc__)
    parser.add_argument("--scenes", type=int, default=130)
    parser.add_argument("--scenery", nargs="+", choices=("ours", "prototype"), default=["ours"])
    parser.add_argument("--cutouts", type=Path, help="real fabrics and grounds, of keypoints.training.cutouts; default: procedural")
    parser.add_argument("--json", type=Path, help="default: var/benchmarks/centimetres-<date>.json")
    return parser.parse_args()


def main() -> int:
    chosen, model = arguments(), loaded()
    if "prototype" in chosen.scenery and not PROTOTYPE.is_dir():
        print(f"The prototype's renderer is not here ({PROTOTYPE}): only our own scenes.")
        chosen.scenery = ["ours"]
    facts = {"machine": machine.description(), "model": model.version, "scenes": chosen.scenes}
    facts["found"] = {scenery: measured(model, scenery, chosen) for scenery in chosen.scenery}
    short = [f"{scenery}: {said}" for scenery, found in facts["found"].items() for said in missed(found)]
    file = chosen.json or FOLDER / f"centimetres-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(facts, indent=1))
    print("\n".join(["", *(short or ["as good as it has to be"]), f"written to {file}"]))
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
