"""Inputs for the plans: `python -m jmeter.samples FOLDER` makes a garment beside its sheet, a selfie, a recording, and their tables."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from fitsize.demo_visit import package_file, rendered_garment
from jmeter.plans import TABLES


def make(folder: Path) -> Path:
    """The inputs of the demo."""
    folder.mkdir(parents=True, exist_ok=True)
    rendered_garment(folder)
    shutil.copy(package_file("skimage", "data", "astronaut.png"), folder / "selfie.png")
    shutil.copy(package_file("pyannote", "audio", "sample", "sample.wav"), folder / "recording.wav")
    write_tables(folder)
    return folder


def write_tables(folder: Path, garment: str = "garment.jpg", selfie: str = "selfie.png", recording: str = "recording.wav") -> None:
    rows = {"garments": f"{garment},short_sleeve_top", "selfies": f"{selfie},{selfie}", "recordings": f"{recording},2"}
    for name, columns in TABLES.items():
        (folder / f"{name}.csv").write_text(f"{columns}\n{rows[name]}\n")


if __name__ == "__main__":
    print(make(Path(sys.argv[1]).resolve()))
