"""A folder of labelled pictures of people: docs/faces.md has its format."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

NO_PICTURE = frozenset({"invalid_image", "truncated_image", "too_many_pixels"})
EXPECTED: dict[str, frozenset[str]] = {  # of `expect` in cases.csv, the reasons of which one must be given
    "too_blurry": frozenset({"too_blurry"}),
    "too_dark": frozenset({"too_dark"}),
    "too_bright": frozenset({"too_bright"}),
    "face_too_small": frozenset({"face_too_small", "no_face"}),
    "no_face": frozenset({"no_face"}),
    "multiple_faces": frozenset({"several_faces"}),
    "partial_or_no_face": frozenset({"face_cut", "face_unclear", "no_face"}),
    "invalid_image": NO_PICTURE | {"no_face"},  # a picture of one pixel is one, without a face
}
USABLE = ("ok", "rotated")  # rotated pictures are turned
UNKNOWN = "unknown"


class LabelError(ValueError):
    """The folder is not laid out as it should be."""


@dataclass(frozen=True)
class Pair:
    a: Path
    b: Path
    same: bool
    source: str


@dataclass(frozen=True)
class Case:
    """A picture, and what a selfie check should say of it: `ok`, `rotated`, or a key of `EXPECTED`."""

    picture: Path
    expect: str

    def is_right(self, reasons: list[str]) -> bool:
        return not reasons if self.expect in USABLE else bool(EXPECTED[self.expect] & set(reasons))


@dataclass(frozen=True)
class Probe:
    """A picture and the name that should be given to it; `UNKNOWN` for somebody who is not enrolled."""

    picture: Path
    name: str


@dataclass(frozen=True)
class Turn:
    """Two pictures: did a head turn between them, or is it a photo that was tilted?"""

    before: Path
    after: Path
    live: bool


@dataclass(frozen=True)
class Folder:
    """Each list may be empty where its file is missing, but for the pairs."""

    root: Path

    def pairs(self) -> list[Pair]:
        rows = self.rows("pairs.csv")
        return [Pair(self.root / row["file_a"], self.root / row["file_b"], row["same"] == "1", row["source"]) for row in rows]

    def cases(self) -> list[Case]:
        rows = self.rows("selfie_cases/cases.csv")
        if strange := {row["expect"] for row in rows} - {*USABLE, *EXPECTED}:
            raise LabelError(f"selfie_cases/cases.csv expects {', '.join(sorted(strange))}, which nobody knows")
        return [Case(self.root / "selfie_cases" / row["file"], row["expect"]) for row in rows]

    def enrolled(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for row in self.rows("gallery.csv"):
            found.setdefault(row["person"], []).append(self.root / row["file"])
        return found

    def probes(self, workload: str) -> list[Probe]:
        """Of `workload` or `workload_cse546`: `Image` names a file without its ending."""
        [table, *_] = sorted((self.root / workload).glob("classification_results_*.csv")) or [self.root / workload / "none.csv"]
        files = {file.stem: file for folder in (self.root / workload).glob("face_images_*") for file in folder.iterdir()}
        rows = self.rows(str(table.relative_to(self.root)))
        if missing := [row["Image"] for row in rows if row["Image"] not in files]:
            raise LabelError(f"{workload} has no picture {missing[0]}")
        return [Probe(files[row["Image"]], row["Results"]) for row in rows]

    def turns(self) -> list[Turn]:
        base = self.root / "challenge"
        rows = self.rows("challenge/challenge.csv")
        return [Turn(base / row["frame_a"], base / row["frame_b"], row["truth"] == "live_turn") for row in rows]

    def rows(self, name: str) -> list[dict[str, str]]:
        try:
            with (self.root / name).open(newline="") as file:
                return list(csv.DictReader(file))
        except FileNotFoundError:
            return []


def read_folder(root: Path) -> Folder:
    """Raises LabelError for a folder without pairs."""
    folder = Folder(root)
    try:
        if not folder.pairs():
            raise LabelError(f"{root} has no pairs.csv")
    except KeyError as error:
        raise LabelError(f"{root / 'pairs.csv'} has no column {error}") from None
    return folder
