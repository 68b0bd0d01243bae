"""What the labelled pictures beside the checkout say; skipped where they are absent."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from faces.inference.matching import calibration, euclidean
from faces.inference.model import FaceModel
from faces.inference.photo import only_face, read_photo
from tasks.errors import InvalidInput
from tasks.inference.model import Run

DEV = Path(__file__).resolve().parents[3] / "shared" / "data" / "faces" / "dev"
NO_PICTURE = {"invalid_image", "truncated_image", "too_many_pixels"}
EXPECTED = {  # of `expect` in cases.csv, the reasons of which one must be given
    "too_blurry": {"too_blurry"},
    "too_dark": {"too_dark"},
    "too_bright": {"too_bright"},
    "face_too_small": {"face_too_small", "no_face"},
    "no_face": {"no_face"},
    "multiple_faces": {"several_faces"},
    "partial_or_no_face": {"face_cut", "face_unclear", "no_face"},
    "invalid_image": NO_PICTURE | {"no_face"},  # a picture of one pixel is one, without a face
}

pytestmark = pytest.mark.skipif(not DEV.is_dir(), reason=f"the labelled pictures are not there: {DEV}")


def rows(name: str) -> list[dict[str, str]]:
    with (DEV / name).open(newline="") as file:
        return list(csv.DictReader(file))


def encode(model: FaceModel, name: str) -> NDArray[np.float32]:
    with (DEV / name).open("rb") as file:
        photo = read_photo(file, model.detector)
    (encoding,) = model.encoder.encode(model.chip(photo, only_face(photo, name))[None])
    return np.asarray(encoding)


def reasons(model: FaceModel, name: str) -> list[str]:
    with (DEV / "selfie_cases" / name).open("rb") as file:
        try:
            result: dict[str, Any] = model.validate(Run(), selfie=file)
        except InvalidInput as refused:
            return [refused.code]
    return list(result["reasons"])


def as_expected(expect: str, found: list[str]) -> bool:
    """`ok`, and `rotated` as rotated pictures are turned, are usable; of others one of the reasons is right."""
    return not found if expect in ("ok", "rotated") else bool(EXPECTED[expect] & set(found))


def test_all_pairs_are_told_apart_at_the_default_threshold(model: FaceModel) -> None:
    pairs = rows("pairs.csv")
    encodings = {name: encode(model, name) for name in sorted({pair[side] for pair in pairs for side in ("file_a", "file_b")})}
    threshold = calibration().threshold().value
    distances = [euclidean(encodings[pair["file_a"]], encodings[pair["file_b"]]) for pair in pairs]
    wrong = [pair for pair, distance in zip(pairs, distances, strict=True) if (distance <= threshold) != (pair["same"] == "1")]
    assert len(pairs) > 2000 and not wrong


def test_selfie_cases_are_judged_as_expected(model: FaceModel) -> None:
    """Every second of 73: pictures without a face cost eight searches each."""
    cases = rows("selfie_cases/cases.csv")[::2]
    found = {case["file"]: reasons(model, case["file"]) for case in cases}
    wrong = {case["file"]: found[case["file"]] for case in cases if not as_expected(case["expect"], found[case["file"]])}
    assert len(cases) > 35 and not wrong
