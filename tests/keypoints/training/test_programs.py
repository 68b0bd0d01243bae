"""The commands of the documentation, each in a process of its own: training has no Django settings, as they are not its business."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from keypoints.training.export import export
from keypoints.training.train import Plan, Training

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("program", ["render", "shards", "train", "selflabel", "heads", "evaluate", "export"])
def test_each_says_how_it_is_used(program: str) -> None:
    done = run(f"keypoints.training.{program}", "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_exported_weights_are_judged_on_labelled_photos(tmp_path: Path) -> None:
    Training(Plan(tmp_path, 1), torch.device("cpu")).save()
    export(tmp_path / "checkpoint.pt", tmp_path / "new.safetensors", version="garments-test")
    Image.new("RGB", (60, 80), "white").save(tmp_path / "skirt.png")
    landmarks = [{"df2_number": 1, "x": 10, "y": 10}, {"df2_number": 3, "x": 50, "y": 10}]
    labels = {"images": [{"file": "skirt.png", "category": "skirt", "landmarks": landmarks}]}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    figures = tmp_path / "figures.json"
    done = run("keypoints.training.evaluate", str(tmp_path / "new.safetensors"), "--labelled", str(tmp_path), "--json", str(figures))
    assert done.returncode == 0, done.stderr
    assert json.loads(figures.read_text())["labelled"]["points"] == 2
