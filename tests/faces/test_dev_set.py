"""What the labelled pictures beside the checkout say; skipped where they are absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from faces.inference.evaluate import Evaluation
from faces.inference.model import FaceModel
from faces.labelled import read_folder

DEV = Path(__file__).resolve().parents[3] / "shared" / "data" / "faces" / "dev"

pytestmark = pytest.mark.skipif(not DEV.is_dir(), reason=f"the labelled pictures are not there: {DEV}")


@pytest.fixture(scope="module")
def evaluation(model: FaceModel) -> Evaluation:
    return Evaluation(model, read_folder(DEV))


def test_all_pairs_are_told_apart_at_the_default_threshold(evaluation: Evaluation) -> None:
    found = evaluation.pairs()
    assert found["pairs"] > 2000 and found["pairs_accuracy"] == 1


def test_at_most_one_stranger_of_a_hundred_is_taken_for_somebody_in_random_galleries(evaluation: Evaluation) -> None:
    found = evaluation.galleries()
    assert len(found) > 3 and max(row["fpir"]["share"] for row in found) <= 0.01 and sum(row["wrong_names"] for row in found) == 0


def test_selfie_cases_are_judged_as_expected(evaluation: Evaluation) -> None:
    """Every second of 73: pictures without a face cost twelve searches each."""
    cases = evaluation.folder.cases()[::2]
    assert len(cases) > 35
    assert [case for case in cases if not case.is_right(evaluation.reasons(case))] == []


def test_faces_that_fill_their_picture_are_named(evaluation: Evaluation) -> None:
    """Tight crops, which the detector does not see without a frame around them."""
    people = evaluation.enrolled({name: files for name, files in evaluation.folder.enrolled().items() if name.startswith("bb_")})
    probes = {probe.picture.stem: probe for probe in evaluation.folder.probes("workload")}
    tight = [probes[f"test_{number}"] for number in ("024", "037", "155", "206", "247")]
    assert [evaluation.name(probe, people) for probe in tight] == [probe.name for probe in tight]
