"""Inputs for the plans: `python -m jmeter.samples FOLDER` makes a garment beside its sheet, selfies, a recording, and their tables."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.inputs import write_inputs
from jmeter.plans import TABLES


def make(folder: Path) -> Path:
    write_inputs(folder)
    write_tables(folder)
    return folder


def write_tables(
    folder: Path,
    garment: str = "garment.jpg",
    selfie: str = "selfie.jpg",
    reference: str = "reference.jpg",
    recording: str = "recording.wav",
) -> None:
    rows = {"garments": f"{garment},short_sleeve_top", "selfies": f"{selfie},{reference}", "recordings": f"{recording},2"}
    for name, columns in TABLES.items():
        (folder / f"{name}.csv").write_text(f"{columns}\n{rows[name]}\n")


if __name__ == "__main__":
    print(make(Path(sys.argv[1]).resolve()))
