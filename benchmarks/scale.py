"""How exact is the scale, and does it ever lie? `python -m benchmarks.scale` renders scenes whose centimetres are known and asks for them.

A scene: a garment of 42-58 x 60-75 cm on a cluttered ground, a reference beside it (the checkerboard: on it), a phone 115-150 cm above,
tilted, 1200 x 1600 pixels, JPEG. Three lengths of the garment are measured through the scale that was found; the corners of the garment
are taken as known. Last come scenes without the reference that is asked for: whatever is found there is nonsense.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from benchmarks.report import table
from keypoints import sheet
from keypoints.geometry import apply, scale_part
from keypoints.inference.crops import Picture
from keypoints.inference.scale import Reference, find_scale, judged
from keypoints.references import Asked
from tasks.errors import InvalidInput

PHOTO = (1200, 1600)
DENSITY = 40
"""Pixels per centimetre of a printed reference before the camera looks at it."""
MARKER_CENTIMETRES, SQUARE_CENTIMETRES = 10.0, 3.0
TILTS = ((0, 8), (8, 25))
LOOKED_FOR = ("sheet", "marker", "a4", "checkerboard")
WRONG, GROSSLY_WRONG = 0.10, 0.25
"""Of a length: wrong where one of the three is off by more, grossly where their mean is (findings/garments.md, section 2)."""
FINDINGS = {
    ("sheet", 0): "0.41 / 1.1", ("sheet", 8): "0.46 / 1.6", ("marker", 0): "0.90 / 4.3", ("marker", 8): "0.84 / 4.8",
    ("a4", 0): "1.1 / 2.4", ("a4", 8): "1.1 / 2.9", ("small marker", 0): "8.1 / 23", ("small marker", 8): "8.7 / 22",
}  # fmt: skip
"""Percent, median / p95 over 24 scenes each, through the full homography."""

Floats = npt.NDArray[np.float64]
Canvas = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """A photo, the ends of the lengths in it in pixels, and the true lengths in centimetres; what a client would say of the reference."""

    picture: Picture
    ends: Floats
    centimetres: Floats
    asked: Asked


@dataclass
class Row:
    """What came of the scenes of one reference and one range of tilts."""

    reference: str
    tilts: tuple[int, int]
    scenes: int = 0
    not_found: int = 0
    refused: int = 0
    warned: int = 0
    wrong: int = 0
    grossly_wrong: int = 0
    wrong_without_warning: int = 0
    errors: list[float] = field(default_factory=list)
    inside: list[bool] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def add(self, scene: Scene) -> None:
        began = time.process_time()
        try:
            found = find_scale(scene.picture, scene.asked)
        except InvalidInput:
            found = None
        self.cpu_ms.append(1000 * (time.process_time() - began))
        self.scenes += 1
        usable, warnings = judged(found, [(float(x), float(y)) for x, y in scene.ends.reshape(-1, 2)])
        if usable is None:
            self.not_found += found is None
            self.refused += found is not None
        else:
            self.judge(usable, scene, warned=bool(warnings))

    def judge(self, found: Reference, scene: Scene, *, warned: bool) -> None:
        measured = lengths(found.scale.homography, scene.ends)
        others = np.array([lengths(other, scene.ends) for other in found.scale.alternatives])
        errors = np.abs(measured / scene.centimetres - 1)
        self.warned += warned
        self.wrong += bool(errors.max() > WRONG)
        self.grossly_wrong += bool(errors.mean() > GROSSLY_WRONG)
        self.wrong_without_warning += bool(errors.max() > WRONG) and not warned
        self.errors += errors.tolist()
        parts = [scale_part(float(value), [float(other) for other in column]) for value, column in zip(measured, others.T, strict=True)]
        self.inside += [bool(value) for value in np.abs(measured - scene.centimetres) <= parts]

    def facts(self) -> dict[str, Any]:
        return {
            "reference": self.reference,
            "tilt_degrees": list(self.tilts),
            "scenes": self.scenes,
            "not_found": self.not_found,
            "refused": self.refused,
            "warned": self.warned,
            "wrong": self.wrong,
            "grossly_wrong": self.grossly_wrong,
            "wrong_without_warning": self.wrong_without_warning,
            "error_median_percent": round(100 * float(np.median(self.errors)), 2) if self.errors else None,
            "error_p95_percent": round(100 * float(np.percentile(self.errors, 95)), 2) if self.errors else None,
            "within_plus_minus": round(float(np.mean(self.inside)), 3) if self.inside else None,
            "cpu_ms": round(float(np.median(self.cpu_ms))),
        }


def lengths(homography: Any, ends: Floats) -> Floats:
    places = [[apply(homography, (float(x), float(y))) for x, y in pair] for pair in ends]
    return np.array([math.dist(start, end) for start, end in places])


# -- the scenes
class Scenery:
    """Grounds, cloth and things that lie about. `photos`: real pictures for ground and cloth, instead of noise."""

    def __init__(self, seed: int, photos: Sequence[Path] = ()) -> None:
        self.rng = np.random.default_rng(seed)
        self.photos = photos

    def texture(self) -> Canvas:
        return self.photographed() if self.photos else self.drawn()

    def photographed(self) -> Canvas:
        path = self.photos[int(self.rng.integers(len(self.photos)))]
        picture = cv2.imread(str(path))
        if picture is None:
            raise SystemExit(f"{path} is no picture")
        return cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), PHOTO, interpolation=cv2.INTER_CUBIC).astype(np.float32)

    def drawn(self) -> Canvas:
        """Threads, grain, planks or plain, of any lightness."""
        grain = 1 + 0.04 * self.noise(2, self.rng.uniform(2, 60)) + 0.06 * self.noise(150, 150)
        columns = np.arange(PHOTO[0]) if self.rng.random() < 0.5 else np.zeros(PHOTO[0])
        gap = 1 - 0.5 * np.exp(-(((columns % 110 - 55) / 2.0) ** 2))
        return np.asarray(self.colour().astype(np.float32) * (grain * gap.astype(np.float32))[..., None])

    def colour(self) -> Floats:
        return np.asarray(self.rng.uniform(30, 240) * self.rng.uniform(0.75, 1.05, 3))

    def noise(self, across: float, down: float) -> Canvas:
        size = (max(2, round(PHOTO[0] / across)), max(2, round(PHOTO[1] / down)))
        grains = cv2.resize(self.rng.standard_normal(size[::-1], np.float32), PHOTO, interpolation=cv2.INTER_LINEAR)
        return np.asarray(grains / grains.std())

    def camera(self, tilts: tuple[int, int]) -> Floats:
        """From centimetres to pixels."""
        rng, (width, height) = self.rng, PHOTO
        focal, distance = width * rng.uniform(0.85, 1.05), rng.uniform(115, 150)
        tilt, axis = math.radians(rng.uniform(*tilts)), rng.uniform(0, 2 * math.pi)
        turned = cv2.Rodrigues(np.array([0, 0, rng.normal(0, 0.06)]))[0]
        tilted = cv2.Rodrigues(np.array([math.cos(axis), math.sin(axis), 0]) * tilt)[0] @ turned
        lens = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
        return np.asarray(lens @ np.column_stack([tilted[:, 0], tilted[:, 1], [0, 0, distance]]))

    def clutter(self, canvas: Canvas, camera: Floats) -> None:
        """Books, boxes, cloths and notes of any colour, white too, but none of A4's shape."""
        for _ in range(self.rng.integers(2, 6)):
            long = self.rng.uniform(8, 32)
            short = long / self.rng.choice([self.rng.uniform(1.0, 1.22), self.rng.uniform(1.75, 3.0)])
            thing = np.full((round(short * 10), round(long * 10), 3), self.colour(), np.uint8)
            if self.rng.random() < 0.5:
                cv2.putText(thing, "FS 1234", (8, thing.shape[0] // 2), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (30, 30, 30), 4)
            angle = self.rng.uniform(0, 2 * math.pi)
            place = (self.rng.uniform(-50, 50), self.rng.choice([-1, 1]) * self.rng.uniform(46, 70))
            lay(canvas, thing.astype(np.float32), (long, short), place, angle, camera)

    def garment(self, canvas: Canvas, camera: Floats) -> Floats:
        """Lays one; the corners of its chest, body and hem in centimetres, pairs of ends (3, 2, 2)."""
        wide, long = self.rng.uniform(42, 58) / 2, self.rng.uniform(60, 75) / 2
        right = np.array([[9, -long], [22, 4 - long], [40, 25 - long], [32, 33 - long], [wide, 24 - long], [wide + 1, long]])
        left = right[::-1] * [-1, 1]
        pixels = cv2.perspectiveTransform(np.vstack([right, left])[None], camera)[0]
        mask = np.zeros(PHOTO[::-1], np.uint8)
        cv2.fillPoly(mask, [np.round(pixels * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        cover = mask.astype(np.float32)[..., None] / 255
        shade = cv2.GaussianBlur(cover, (0, 0), 6)[..., None]
        canvas *= 1 - 0.3 * shade * (1 - cover)
        canvas += (self.texture() - canvas) * cover
        return np.array([[left[1], right[4]], [left[-1], left[0]], [left[0], right[5]]])

    def photo(self, canvas: Canvas) -> Picture:
        """Uneven light, softness, grain, JPEG."""
        rng = self.rng
        canvas *= np.linspace(rng.uniform(0.75, 1), rng.uniform(0.9, 1.15), PHOTO[1], dtype=np.float32)[:, None, None]
        soft: Any = cv2.GaussianBlur(np.clip(canvas, 0, 255), (0, 0), rng.uniform(0.5, 1.3))
        grain = rng.uniform(2, 6) * rng.standard_normal(soft.shape, np.float32)
        grainy = np.clip(soft + grain, 0, 255).astype(np.uint8)
        _, jpeg = cv2.imencode(".jpg", grainy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 92))])
        decoded: Any = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
        return np.asarray(decoded[..., ::-1]).copy()

    def scene(self, reference: str, tilts: tuple[int, int], *, laid: bool = True) -> Scene:
        camera, canvas = self.camera(tilts), self.texture()
        self.clutter(canvas, camera)
        ends = self.garment(canvas, camera)
        side = self.rng.choice([-1, 1])
        place, angle = (side * self.rng.uniform(32, 38), self.rng.uniform(0, 25)), self.rng.uniform(-0.5, 0.5)
        if reference == "checkerboard":
            place = (self.rng.uniform(-8, 8), self.rng.uniform(-10, 15))
        if reference in ("sheet", "letter", "a4"):
            angle *= 0.3
        if laid and reference not in ("corners", "px_per_cm"):
            texture, size = printed(reference, self.rng)
            lay(canvas, texture, size, place, angle, camera)
        pixels = np.asarray(cv2.perspectiveTransform(ends.reshape(1, -1, 2), camera), dtype=np.float64).reshape(ends.shape)
        centimetres: Floats = np.hypot(*(ends[:, 0] - ends[:, 1]).T)
        return Scene(self.photo(canvas), pixels, centimetres, self.said(reference, camera, place, angle))

    def said(self, reference: str, camera: Floats, place: tuple[float, float], angle: float) -> Asked:
        """What a client says: corners are clicked with a miss of 3 of 2000 pixels; px_per_cm is true in the middle of the picture."""
        match reference:
            case "marker" | "small marker":
                return Asked("marker", marker_cm=MARKER_CENTIMETRES / (1 if reference == "marker" else 2))
            case "checkerboard":
                return Asked("checkerboard", square_cm=SQUARE_CENTIMETRES)
            case "corners":
                seen = projected(np.array([[0, 0], [30, 0], [30, 20], [0, 20]]) - [15, 10], place, angle, camera)
                clicked = seen + self.rng.normal(0, 0.0015 * max(PHOTO), seen.shape)
                return Asked("corners", corners=tuple((float(x), float(y)) for x, y in clicked), width_cm=30, height_cm=20)
            case "px_per_cm":
                middle = np.linalg.inv(camera) @ [PHOTO[0] / 2, PHOTO[1] / 2, 1]
                square = middle[:2] / middle[2] + np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
                area = cv2.contourArea(cv2.perspectiveTransform(square[None], camera)[0].astype(np.float32))
                return Asked("px_per_cm", px_per_cm=math.sqrt(area))
        return Asked("a4") if reference == "a4" else Asked()


def projected(corners: Floats, place: tuple[float, float], angle: float, camera: Floats) -> Floats:
    cosine, sine = math.cos(angle), math.sin(angle)
    on_ground = corners @ np.array([[cosine, sine], [-sine, cosine]]) + place
    return np.asarray(cv2.perspectiveTransform(on_ground[None], camera)[0], dtype=np.float64)


def lay(canvas: Canvas, thing: Canvas, size: tuple[float, float], place: tuple[float, float], angle: float, camera: Floats) -> None:
    """Paint a thing of this size in centimetres, with its shadow, turned about its middle, which lies here."""
    height, width = thing.shape[:2]
    half = np.array(size) / 2
    corners = projected(np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half, place, angle, camera)
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]]) - 0.5
    matrix = cv2.getPerspectiveTransform(source.astype(np.float32), corners.astype(np.float32))
    mask = cv2.warpPerspective(np.ones((height, width), np.float32), matrix, PHOTO)
    shadow = cv2.GaussianBlur(cv2.warpAffine(mask, np.array([[1.0, 0, 4], [0, 1, 5]]), PHOTO), (0, 0), 4)
    canvas *= (1 - 0.35 * shadow * (1 - mask))[..., None]
    canvas += (cv2.warpPerspective(thing, matrix, PHOTO) - canvas) * mask[..., None]


def printed(reference: str, rng: np.random.Generator) -> tuple[Canvas, tuple[float, float]]:
    """A reference as it leaves the printer, and its size in centimetres."""
    white = rng.uniform(225, 252)
    if reference == "checkerboard":
        size = 7 * SQUARE_CENTIMETRES
        page = np.full((round(size * 20), round(size * 20)), white)
        squares = np.indices((5, 5)).sum(axis=0) % 2
        inner = np.kron(np.where(squares, white, 25.0), np.ones((round(SQUARE_CENTIMETRES * 20),) * 2))
        margin = round(SQUARE_CENTIMETRES * 20)
        page[margin : margin + len(inner), margin : margin + len(inner)] = inner
        return soft(page), (size, size)
    if reference in ("marker", "small marker"):
        side = MARKER_CENTIMETRES / (1 if reference == "marker" else 2)
        cells = np.pad(np.where(sheet.cells(int(rng.integers(10, 18))), 20.0, white), 1, constant_values=white)
        return soft(np.kron(cells, np.ones((40, 40)))), (side * 8 / 6, side * 8 / 6)
    paper = sheet.LETTER if reference == "letter" else sheet.A4
    page = np.full((round(paper.height * DENSITY), round(paper.width * DENSITY)), white)
    for marker, (x, y) in paper.markers.items() if reference != "a4" else ():
        cell = sheet.MARKER_CENTIMETRES * DENSITY / sheet.CELLS
        for row, column in zip(*np.nonzero(np.array(sheet.cells(marker))), strict=True):
            top, left = round(y * DENSITY + row * cell), round(x * DENSITY + column * cell)
            page[top : round(y * DENSITY + (row + 1) * cell), left : round(x * DENSITY + (column + 1) * cell)] = 20
    return soft(page), (paper.width, paper.height)


def soft(page: Floats) -> Canvas:
    """In colour, and without detail that a photo could not show."""
    return np.repeat(cv2.GaussianBlur(page.astype(np.float32), (0, 0), 1.3)[..., None], 3, axis=2)


def rows(references: Sequence[str], scenes: int, seed: int, photos: Sequence[Path]) -> Iterator[Row]:
    """Those with the reference in them, and then, where it has to be looked for, some without."""
    for reference in references:
        for tilts in TILTS:
            yield row(Row(reference, tilts), Scenery(seed + 1000 * tilts[0], photos), reference, scenes)
    for reference in references:
        if reference in LOOKED_FOR:
            yield row(Row(f"no {reference}", (0, 25)), Scenery(seed + 7, photos), reference, scenes, laid=False)


def row(made: Row, scenery: Scenery, reference: str, scenes: int, *, laid: bool = True) -> Row:
    for _ in track(range(scenes), f"{made.reference} {made.tilts}", transient=True, console=Console(stderr=True)):
        made.add(scenery.scene(reference, made.tilts, laid=laid))
    print(json.dumps(made.facts()), file=sys.stderr, flush=True)
    return made


def text(found: Sequence[Row]) -> str:
    made = [["reference", "tilt", "scenes", "not found", "refused", "warned", "grossly wrong", "wrong, no warning"]]
    made[0] += ["median / p95 %", "findings %", "within ±", "CPU ms"]
    for one in found:
        facts = one.facts()
        errors = f"{facts['error_median_percent']} / {facts['error_p95_percent']}" if one.errors else "-"
        counts = [str(facts[name]) for name in ("scenes", "not_found", "refused", "warned", "grossly_wrong", "wrong_without_warning")]
        within = "-" if facts["within_plus_minus"] is None else f"{facts['within_plus_minus']:.2f}"
        known = FINDINGS.get((one.reference, one.tilts[0]), "")
        made.append([one.reference, "{}-{}".format(*one.tilts), *counts, errors, known, within, str(facts["cpu_ms"])])
    return table(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    names = ["sheet", "letter", "marker", "small marker", "a4", "checkerboard", "corners", "px_per_cm"]
    parser.add_argument("--references", nargs="+", choices=names, default=names)
    parser.add_argument("--scenes", type=int, default=24, help="of each reference and range of tilts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--photos", type=Path, help="a folder of pictures for ground and cloth")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    photos = sorted(arguments.photos.rglob("*.jpg")) if arguments.photos else []
    found = list(rows(arguments.references, arguments.scenes, arguments.seed, photos))
    if arguments.json:
        print(json.dumps([one.facts() for one in found], indent=2))
    else:
        print(text(found))
    raise SystemExit(any(one.wrong_without_warning for one in found))


if __name__ == "__main__":
    main()
