"""How good the offline pipeline is on real conversations; the table is in docs/diarization.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diarization.conftest import Predict
from tests.diarization.scoring import annotation, errors, reference

pytestmark = pytest.mark.slow
RECORDINGS = Path(__file__).parents[3] / "shared" / "data" / "diarization" / "dev"


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="needs the recordings of ../shared/data/diarization/dev")
def test_the_error_rate_on_the_development_recordings_is_that_of_the_prototype(predict: Predict) -> None:
    wrong = speech = 0.0
    for path in sorted(RECORDINGS.glob("*.wav")):
        if path.stem.endswith("_concat"):
            continue
        result = predict(path.read_bytes())
        missed, total = errors(reference(path.with_suffix(".rttm")), annotation(result["turns"]), seconds=result["duration_seconds"])
        print(f"{path.stem:24} {100 * missed / total:5.1f} %  {result['num_speakers_found']} speakers")
        wrong, speech = wrong + missed, speech + total
    print(f"{'all':24} {100 * wrong / speech:5.1f} %")
    assert 0.20 < wrong / speech < 0.302  # the prototype: 0.287
