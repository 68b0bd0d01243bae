"""How well the service would answer on labelled pictures: its own code, figures counted."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from faces.inference.matching import Verdict, calibration, euclidean, mean_template, verdict
from faces.inference.model import FaceModel
from faces.inference.photo import Photo, read_photo
from faces.labelled import UNKNOWN, Case, Folder, Pair, Probe, Turn
from faces.rates import Rate
from tasks.errors import InvalidInput
from tasks.inference.model import Run

WIDTHS = (30, 40, 50, 60, 80, 100)  # of faces, in pixels
GALLERIES = 200  # random ones of each size
SEED = 20261122


@dataclass(frozen=True)
class Portrait:
    """The main face of a picture; `alone` if no other counts."""

    encoding: NDArray[np.float32]
    width: float
    alone: bool


@dataclass(frozen=True)
class Known:
    """An enrolled person."""

    name: str
    mean: NDArray[np.float32]
    photos: int
    width: float


@dataclass(frozen=True)
class Found:
    """The nearest person of a gallery."""

    name: str
    distance: float
    verdict: Verdict


class Evaluation:
    """All figures of one model on one folder. Each picture is read once."""

    def __init__(self, model: FaceModel, folder: Folder) -> None:
        self.model = model
        self.folder = folder
        self.portrait = cache(self._portrait)

    def _portrait(self, file: Path) -> Portrait | None:
        try:
            with file.open("rb") as opened:
                return self.main_face(read_photo(opened, self.model.detector))
        except InvalidInput:
            return None

    def main_face(self, photo: Photo) -> Portrait | None:
        if not photo.faces:
            return None
        [encoding] = self.model.encoder.encode(self.model.chip(photo, photo.faces[0])[None])
        return Portrait(encoding, photo.faces[0].box.width, len(photo.faces) == 1)

    def figures(self, thorough: bool = False) -> dict[str, Any]:
        found = {**self.pairs(), **self.cases(), **self.workload(), **self.challenge(), "galleries": self.galleries()}
        return {**found, "face_sizes": self.face_sizes()} if thorough else found

    # -- two pictures

    def pairs(self) -> dict[str, Any]:
        """A pair is right if `match` is said of the same person and not of two; one without an answer is wrong."""
        judged = [(pair, self.distance(pair)) for pair in self.folder.pairs()]
        said = [(pair, self.verify(pair, distance)) for pair, distance in judged]
        right = sum((answer == "match") == pair.same and answer is not None for pair, answer in said)
        answered = [(pair, distance) for pair, distance in judged if distance is not None]
        return {
            "pairs": len(judged),
            "pairs_accuracy": right / len(judged),
            "pairs_unanswered": len(judged) - len(answered),
            "pairs_verdicts": {str(same): dict(Counter(answer for pair, answer in said if pair.same == same)) for same in (True, False)},
            "rates": {source: rates(answered, source) for source in ("all", *sorted({pair.source for pair, _ in judged}))},
        }

    def distance(self, pair: Pair) -> float | None:
        a, b = self.portrait(pair.a), self.portrait(pair.b)
        return euclidean(a.encoding, b.encoding) if a and b and a.alone and b.alone else None

    def verify(self, pair: Pair, distance: float | None) -> Verdict | None:
        a, b = self.portrait(pair.a), self.portrait(pair.b)
        if distance is None or not a or not b:
            return None
        return verdict(distance, calibration().threshold(face_pixels=min(a.width, b.width)))

    def face_sizes(self) -> dict[str, Any]:
        """Each picture shrunk until its face has so many pixels, against the others at full size, by the thresholds for that width."""
        whole = {file: portrait for file in self.pictures() if (portrait := self.portrait(file))}
        found: dict[str, Any] = {}
        for width in WIDTHS:
            smaller = {file: portrait for file in whole if (portrait := self.shrunk(file, whole[file].width, width))}
            wide_enough = sum(portrait.width > width for portrait in whole.values())
            limit = calibration().threshold(face_pixels=width).value
            tried = [(a.parent == b.parent, euclidean(smaller[a].encoding, whole[b].encoding)) for a in smaller for b in whole if a != b]
            own = [euclidean(smaller[file].encoding, whole[file].encoding) for file in smaller]
            found[str(width)] = {
                "threshold": limit,
                "not_found": Rate(wide_enough - len(smaller), wide_enough).as_json(),
                "fmr": Rate(sum(d <= limit for same, d in tried if not same), sum(not same for same, _ in tried)).as_json(),
                "fnmr": Rate(sum(d > limit for same, d in tried if same), sum(same for same, _ in tried)).as_json(),
                "from_itself": float(np.median(own)) if own else None,
            }
        return found

    def shrunk(self, file: Path, width: float, wanted: int) -> Portrait | None:
        """None where the face is no wider, or not found any more."""
        if width <= wanted:
            return None
        with Image.open(file) as opened:
            picture = opened.convert("RGB")
        scale = wanted / width * min(1.0, 1280 / max(picture.size))
        small = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), Image.Resampling.LANCZOS)
        file_of = io.BytesIO()
        small.save(file_of, "JPEG", quality=95)
        file_of.seek(0)
        return self.main_face(read_photo(file_of, self.model.detector))

    def pictures(self) -> list[Path]:
        return sorted({file for pair in self.folder.pairs() for file in (pair.a, pair.b)})

    # -- one picture

    def cases(self) -> dict[str, Any]:
        judged = [(case, self.reasons(case)) for case in self.folder.cases()]
        wrong = [
            f"{case.picture.name}: {case.expect} expected, {', '.join(said) or 'usable'} said"
            for case, said in judged
            if not case.is_right(said)
        ]
        return {"selfie_cases": len(judged), "selfie_cases_right": len(judged) - len(wrong), "selfie_cases_wrong": wrong}

    def reasons(self, case: Case) -> list[str]:
        try:
            with case.picture.open("rb") as file:
                return list(self.model.validate(Run(), file)["reasons"])
        except InvalidInput as refused:
            return [refused.code]

    def challenge(self) -> dict[str, Any]:
        """A turn passes if it does in either direction: labels name none. Five points cannot say."""
        turns = self.folder.turns() if self.model.landmarks.count == 68 else []
        wrong = [f"{turn.before.name}, {turn.after.name}" for turn in turns if self.turned(turn) != turn.live]
        return {"challenges": len(turns), "challenges_right": len(turns) - len(wrong), "challenges_wrong": wrong}

    def turned(self, turn: Turn) -> bool:
        for direction in ("left", "right"):
            with turn.before.open("rb") as before, turn.after.open("rb") as after:
                try:
                    if self.model.challenge(Run(), before, after, direction)["verdict"] == "passed":
                        return True
                except InvalidInput:
                    return False
        return False

    # -- a gallery

    def workload(self) -> dict[str, Any]:
        """The old system's workloads: a name for each picture, or `unknown`. In the original each of its few pictures is enrolled alone."""
        probes, gallery = self.folder.probes("workload"), self.enrolled(self.folder.enrolled())
        named = [(probe, self.name(probe, gallery)) for probe in probes]
        original = self.folder.probes("workload_cse546")
        faces = {sha256(probe.picture.read_bytes()).hexdigest(): probe for probe in original}
        alone = self.enrolled({f"{probe.name}/{key}": [probe.picture] for key, probe in faces.items()})
        again = [(probe, self.name(faces[sha256(probe.picture.read_bytes()).hexdigest()], alone).partition("/")[0]) for probe in original]
        return {
            "workload": len(probes),
            "workload_accuracy": right(named),
            "wrong_names": sum(name not in (UNKNOWN, probe.name) for probe, name in named),
            "unknowns": sum(probe.name == UNKNOWN for probe, _ in named),
            "unknowns_refused": sum(probe.name == name == UNKNOWN for probe, name in named),
            "workload_wrong": [f"{probe.picture.name}: {probe.name}, {name} said" for probe, name in named if probe.name != name],
            "original_workload": len(original),
            "original_workload_accuracy": right(again),
        }

    def name(self, probe: Probe, gallery: Sequence[Known]) -> str:
        found = self.search(self.portrait(probe.picture), gallery)
        return found.name if found and found.verdict == "match" else UNKNOWN

    def enrolled(self, people: dict[str, list[Path]]) -> list[Known]:
        known = ((name, [portrait for file in files if (portrait := self.portrait(file))]) for name, files in people.items())
        return [enrol(name, portraits) for name, portraits in known if portraits]

    def search(self, probe: Portrait | None, gallery: Sequence[Known]) -> Found | None:
        """The nearest person, judged by the threshold for their photos, the faces' width and the gallery's size."""
        if probe is None or not gallery:
            return None
        distances = np.linalg.norm(np.stack([known.mean for known in gallery]) - probe.encoding, axis=1)
        nearest = gallery[int(distances.argmin())]
        threshold = calibration().threshold(nearest.photos, min(nearest.width, probe.width), len(gallery))
        return Found(nearest.name, float(distances.min()), verdict(float(distances.min()), threshold))

    def galleries(self) -> list[dict[str, Any]]:
        """Random galleries: some people enrolled with some photos; their other pictures and everybody else's are searched for."""
        people: dict[str, list[Portrait]] = {}
        for file in self.pictures():
            if portrait := self.portrait(file):
                people.setdefault(file.parent.name, []).append(portrait)
        random = np.random.default_rng(SEED)
        sizes = [(size, photos) for photos in (1, 2, 3) for size in (5, 10, 15, 20, 30, 50)]
        return [
            self.of_size(people, size, photos, random)
            for size, photos in sizes
            if size <= candidates(people, photos) and size < len(people)
        ]

    def of_size(self, people: dict[str, list[Portrait]], size: int, photos: int, random: np.random.Generator) -> dict[str, Any]:
        eligible = [name for name, portraits in people.items() if len(portraits) > photos]
        told: Counter[str] = Counter()
        for _ in range(GALLERIES):
            chosen = {str(name) for name in random.choice(eligible, size, replace=False)}
            gallery, mates = [], []
            for name in sorted(chosen):
                order = random.permutation(len(people[name]))
                gallery.append(enrol(name, [people[name][place] for place in order[:photos]]))
                mates += [(name, people[name][place]) for place in order[photos:]]
            strangers = [portrait for name, portraits in people.items() if name not in chosen for portrait in portraits]
            told.update(self.outcomes(gallery, mates, strangers))
        return {
            "people": size,
            "photos": photos,
            "threshold": calibration().threshold(photos, gallery_size=size).value,
            "fpir": Rate(told["stranger match"], told["stranger"]).as_json(),
            "fnir": Rate(told["mate"] - told["mate right"], told["mate"]).as_json(),
            "wrong_names": told["mate wrong"],
        }

    def outcomes(self, gallery: list[Known], mates: list[tuple[str, Portrait]], strangers: list[Portrait]) -> Iterable[str]:
        for name, probe in mates:
            found = self.search(probe, gallery)
            yield "mate"
            if found and found.verdict == "match":
                yield "mate right" if found.name == name else "mate wrong"
        for probe in strangers:
            found = self.search(probe, gallery)
            yield "stranger"
            if found and found.verdict == "match":
                yield "stranger match"


def enrol(name: str, portraits: Sequence[Portrait]) -> Known:
    mean = mean_template(np.stack([portrait.encoding for portrait in portraits]))
    return Known(name, mean, len(portraits), min(portrait.width for portrait in portraits))


def candidates(people: dict[str, list[Portrait]], photos: int) -> int:
    return sum(len(portraits) > photos for portraits in people.values())


def right(named: Sequence[tuple[Probe, str]]) -> float | None:
    return sum(probe.name == name for probe, name in named) / len(named) if named else None


def rates(answered: Sequence[tuple[Pair, float]], source: str) -> list[dict[str, Any]]:
    """FMR and FNMR at some distances."""
    chosen = [(pair.same, distance) for pair, distance in answered if source in ("all", pair.source)]
    same, other = ([distance for alike, distance in chosen if alike == wanted] for wanted in (True, False))
    limits = sorted({0.5, 0.55, 0.6, calibration().threshold().value})
    return [
        {
            "distance": limit,
            "fmr": Rate(sum(distance <= limit for distance in other), len(other)).as_json(),
            "fnmr": Rate(sum(distance > limit for distance in same), len(same)).as_json(),
        }
        for limit in limits
    ]
