"""A checkpoint as weights of the service: `python -m keypoints.training.export CHECKPOINT FILE.safetensors --version garments-3`.

Half precision, the average of the weights, and in the metadata what the service checks, with the git revision and the steps. Beside it a
model card is written, FILE.md, with the figures of `--figures FILE` (what keypoints.training.evaluate wrote).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from keypoints.landmarks import CATEGORIES, POINTS

LARGEST_BYTES = 6_000_000


def export(checkpoint: Path, weights: Path, *, version: str) -> dict[str, Any]:
    """Gives what the card says about how it was trained. Raises ValueError if the file would be larger than LARGEST_BYTES."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    tensors = {
        name: value.half().contiguous() if value.is_floating_point() else value.contiguous() for name, value in state["average"].items()
    }
    size = sum(value.numel() * value.element_size() for value in tensors.values())
    if size > LARGEST_BYTES:
        raise ValueError(f"{size} bytes of weights are more than {LARGEST_BYTES}")
    trained = {"steps": state["step"], "hours": round(state["seconds"] / 3600, 2), **state["begun"], "revision": revision()}
    metadata = {"version": version, "trained": json.dumps(trained)}
    metadata |= {"points": " ".join(POINTS), "categories": " ".join(category.name for category in CATEGORIES)}
    save_file(tensors, weights, metadata=metadata)
    weights.chmod(0o644)  # save_file keeps it to its owner
    return trained | {"version": version, "bytes": weights.stat().st_size}


def revision() -> str:
    """The git revision of this code, with a plus where files differ from it; "unknown" outside a checkout."""
    git, here = shutil.which("git"), Path(__file__).parent
    if git is None:
        return "unknown"
    found = subprocess.run([git, "describe", "--always", "--abbrev=12", "--dirty=+"], cwd=here, capture_output=True, text=True, check=False)  # noqa: S603
    return found.stdout.strip() or "unknown"


def card(trained: dict[str, Any], figures: dict[str, Any]) -> str:
    """The measured part of the model card; what people have to say about it is written by people."""
    lines = [f"# Model card: version `{trained['version']}`", "", "## How it was trained", ""]
    lines += [f"- {name}: {value}" for name, value in trained.items()]
    if "labelled" in figures:
        lines += ["", "## Points on labelled real photos", "", *points_table(figures["labelled"])]
        lines += ["", "## Reliability", "", *reliability_table(figures["labelled"]["calibration"]["bands"])]
    if "kinds" in figures:
        lines += ["", "## Category head on held-out photos", "", *kinds_table(figures["kinds"])]
    if "centimetres" in figures:
        lines += ["", "## Centimetres on scenes, true homography", "", "| measurement | count | median | p90 |", "|---|---|---|---|"]
        rows = figures["centimetres"].items()
        lines += [f"| {name} | {row['count']} | {row['median']:.2f} | {row['p90']:.2f} |" for name, row in rows]
    return "\n".join(lines) + "\n"


def points_table(labelled: dict[str, Any]) -> list[str]:
    rows = ["| | value | 95 % interval |", "|---|---|---|"]
    rows += [f"| {name} | {labelled[name]:.4f} | {low:.4f}-{high:.4f} |" for name, (low, high) in labelled["intervals"].items()]
    return [f"{labelled['points']} points of {labelled['photos']} photos.", "", *rows]


def reliability_table(bands: list[dict[str, float]]) -> list[str]:
    rows = ["| confidence | points | off by .05 or more | nine of ten are closer than |", "|---|---|---|---|"]
    return rows + [f"| {band['from']}-{band['to']} | {band['points']} | {band['wrong']:.1%} | {band['p90']:.3f} |" for band in bands]


def percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def kinds_table(kinds: dict[str, Any]) -> list[str]:
    garments, others = percent(kinds["garments_right"]), percent(kinds["no_garment_right"])
    rows = [f"{kinds['photos']} photos, {kinds['right']:.1%} right: of garments {garments}, of other things {others}."]
    rows += ["", "| class | photos | right |", "|---|---|---|"]
    rows += [f"| {label} | {row['photos']} | {row['right']:.1%} |" for label, row in kinds["by_class"].items()]
    rows += ["", "| contradict below | wrong category caught | right one contradicted |", "|---|---|---|"]
    return rows + [f"| {limit} | {percent(row['wrong'])} | {percent(row['right'])} |" for limit, row in kinds["caught"].items()]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--figures", type=Path, help="the JSON of keypoints.training.evaluate")
    chosen = parser.parse_args(arguments)
    trained = export(chosen.checkpoint, chosen.weights, version=chosen.version)
    figures = json.loads(chosen.figures.read_text()) if chosen.figures else {}
    chosen.weights.with_suffix(".md").write_text(card(trained, figures))


if __name__ == "__main__":
    main()
