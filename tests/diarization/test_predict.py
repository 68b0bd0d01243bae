from __future__ import annotations

import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diarization.inference.diarizer import Heard
from diarization.inference.model import DiarizationModel
from diarization.inference.scoring import annotation, read_rttm, score
from diarization.inference.windows import FRAME_SECONDS
from diarization.serializers import PredictResultSerializer
from tasks.errors import Canceled, InvalidInput
from tasks.inference.model import Run
from tests.diarization.conftest import Predict
from tests.diarization.sounds import Sound, encoded, noise, tone, wav, wav_of

pytestmark = pytest.mark.slow


def codes(result: dict[str, list[dict[str, str]]]) -> list[str]:
    return [warning["code"] for warning in result["warnings"]]


def names(result: dict[str, Any]) -> list[str]:
    return [speaker["name"] for speaker in result["speakers"]]


def said(result: dict[str, Any]) -> str:
    """All but what the clock says."""
    return json.dumps({**result, "timings_ms": None})


def test_the_result_is_valid_for_its_serializer(predict: Predict, sample_path: Path) -> None:
    result = predict(sample_path.read_bytes(), num_speakers=2)
    assert result.pop("warnings") == []
    serializer = PredictResultSerializer(data=result)
    assert serializer.is_valid(), serializer.errors
    assert serializer.validated_data == result


@pytest.mark.parametrize("hints", [{}, {"num_speakers": 2}])
def test_two_people_on_the_telephone_are_told_apart(predict: Predict, sample_path: Path, hints: dict[str, int]) -> None:
    result = predict(sample_path.read_bytes(), **hints)
    with sample_path.with_suffix(".rttm").open("rb") as file:
        reference = read_rttm(file, 30)
    assert (names(result), result["num_speakers_found"]) == (["SPEAKER_00", "SPEAKER_01"], 2)
    assert score(reference, annotation(result["turns"]), 30)["strict"]["der"] <= 24  # measured: 22.3


def test_turns_are_in_order_and_do_not_overlap(predict: Predict, sample_path: Path) -> None:
    result = predict(sample_path.read_bytes(), num_speakers=2)
    times = [time for turn in result["turns"] for time in (turn["start"], turn["end"])]
    assert times == sorted(times)
    assert times[-1] <= result["duration_seconds"] == pytest.approx(30.0, abs=0.01)
    assert result["speech_seconds"] == pytest.approx(sum(turn["end"] - turn["start"] for turn in result["turns"]), abs=0.01)
    assert result["turns"][0]["speaker"] == "SPEAKER_00"


def test_the_same_recording_gives_the_same_bytes_twenty_times(predict: Predict, sample_path: Path) -> None:
    content = sample_path.read_bytes()
    answers = {said(predict(content, num_speakers=2)) for _ in range(20)}
    assert len(answers) == 1


SAME_SOUND = [
    ("mp3", "libmp3lame", 44_100, "mono"),
    ("ipod", "aac", 48_000, "mono"),
    ("mp4", "aac", 48_000, "mono"),
    ("flac", "flac", 48_000, "stereo"),
    ("ogg", "libopus", 48_000, "mono"),
    ("webm", "libopus", 48_000, "stereo"),
    ("wav", "pcm_s16le", 16_000, "stereo"),
    ("wav", "pcm_s16le", 44_100, "stereo"),
]


@pytest.mark.parametrize(("container", "codec", "rate", "layout"), SAME_SOUND)
def test_another_format_gives_the_same_turns_within_a_frame(
    predict: Predict, sample_path: Path, sample: Sound, container: str, codec: str, rate: int, layout: str
) -> None:
    original = predict(sample_path.read_bytes(), num_speakers=2)["turns"]
    other = predict(encoded(sample, container, codec, rate=rate, layout=layout), num_speakers=2)["turns"]
    assert [turn["speaker"] for turn in other] == [turn["speaker"] for turn in original]
    edges = [[time for turn in turns for time in (turn["start"], turn["end"])] for turns in (original, other)]
    off = np.abs(np.diff(edges, axis=0))[0]
    moved = 2 if codec == "libopus" else 0  # edges of one change between two people who talk at once, which Opus's losses move by .1 s
    assert np.sort(off)[: len(off) - moved].max() <= FRAME_SECONDS + 1e-9
    assert off.max() <= 0.1


def test_a_recording_without_its_upper_half_gives_about_the_same_turns(predict: Predict, sample_path: Path, sample: Sound) -> None:
    original = predict(sample_path.read_bytes(), num_speakers=2)
    other = predict(encoded(sample, "wav", "pcm_s16le", rate=8_000, layout="mono"), num_speakers=2)
    assert score(annotation(original["turns"]), annotation(other["turns"]), 30)["strict"]["der"] < 12


@pytest.mark.parametrize("hints", [{}, {"num_speakers": 2}])
@pytest.mark.parametrize(
    "sound", [np.zeros(160_000, np.float32), tone(10), noise(10), tone(0.05)], ids=["silence", "a tone", "noise", "0.05 seconds"]
)
def test_a_recording_without_speech_has_no_turns_and_says_so(predict: Predict, sound: Sound, hints: dict[str, int]) -> None:
    result = predict(wav(sound), **hints)
    assert (result["turns"], result["speakers"], codes(result)) == ([], [], ["no_speech"])


@pytest.mark.parametrize("seconds", [0.5, 1.0])
def test_a_single_word_has_a_single_speaker(predict: Predict, sample: Sound, seconds: float) -> None:
    result = predict(wav(sample[160_000 : 160_000 + round(seconds * 16_000)]), num_speakers=2)
    assert names(result) == ["SPEAKER_00"]
    assert codes(result) == ["speaker_count_differs"]


@pytest.mark.parametrize("hints", [{"num_speakers": 1}, {"max_speakers": 1}])
def test_one_speaker_takes_all_turns_if_asked(predict: Predict, sample_path: Path, hints: dict[str, int]) -> None:
    result = predict(sample_path.read_bytes(), **hints)
    assert (names(result), codes(result)) == (["SPEAKER_00"], [])


def test_at_least_two_speakers_are_found_if_asked(predict: Predict, sample_path: Path) -> None:
    result = predict(sample_path.read_bytes(), min_speakers=2)
    assert result["asked"] == {"num_speakers": None, "min_speakers": 2, "max_speakers": None}
    assert (result["num_speakers_found"], codes(result)) == (2, [])


def test_a_cut_recording_is_used_with_a_warning(predict: Predict, sample_path: Path) -> None:
    result = predict(sample_path.read_bytes()[:600_000], num_speakers=2)
    assert codes(result) == ["incomplete_audio"]
    assert result["duration_seconds"] == pytest.approx(18.75, abs=0.05)


def test_a_file_that_is_no_recording_is_refused(predict: Predict) -> None:
    with pytest.raises(InvalidInput) as refused:
        predict(b"not a recording at all" * 100)
    assert refused.value.code == "invalid_audio"


def test_a_recording_over_the_limit_is_refused(predict: Predict, sample_path: Path, settings: object) -> None:
    settings.DIARIZATION_MAX_SECONDS = 20  # type: ignore[attr-defined]
    with pytest.raises(InvalidInput) as refused:
        predict(sample_path.read_bytes())
    assert refused.value.code == "too_long"


def test_progress_goes_through_the_steps_and_only_forward(model: DiarizationModel, sample_path: Path) -> None:
    run = Run()
    model.predict(run, io.BytesIO(sample_path.read_bytes()))
    fractions = [fraction for fraction, _ in run.steps]
    assert list(dict.fromkeys(step for _, step in run.steps)) == ["decoding", "speech", "voices", "speakers"]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1


def test_a_canceled_job_stops_in_the_middle(model: DiarizationModel, sample_path: Path) -> None:
    run = CanceledAt("voices")
    with pytest.raises(Canceled):
        model.predict(run, io.BytesIO(sample_path.read_bytes()))
    assert run.steps[-1][1] == "speech"


class CanceledAt(Run):
    """Nobody wants the result any more once this step has been asked for."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self.last_before = {"voices": "speech"}[step]

    def check_canceled(self) -> None:
        if self.steps and self.steps[-1][1] == self.last_before:
            raise Canceled


def test_each_channel_is_a_speaker_of_its_own(predict: Predict, sample: Sound) -> None:
    silent = np.zeros_like(sample)
    result = predict(wav_of(silent, sample, np.roll(sample, 16_000)), channels="separate")
    assert set(names(result)) == {"CHANNEL_2", "CHANNEL_3"}
    assert (result["channels"], result["score"]) == ("separate", None)
    assert result["overlap_seconds"] > 5
    ends = [(turn["start"], turn["end"]) for turn in result["exclusive"]]
    assert all(before[1] <= after[0] for before, after in pairwise(ends))


def test_what_was_heard_is_saved_for_another_number_of_speakers(model: DiarizationModel, sample_path: Path) -> None:
    run = Run()
    first = model.predict(run, io.BytesIO(sample_path.read_bytes()), num_speakers=1)
    assert first["num_speakers_found"] == 1
    again = model.recluster(Run(), io.BytesIO(run.files["heard"]), num_speakers=2)
    whole = model.predict(Run(), io.BytesIO(sample_path.read_bytes()), num_speakers=2)
    assert said(again) == said(whole)


def test_what_another_pipeline_has_heard_is_not_reclustered(model: DiarizationModel) -> None:
    other = Heard("pyannote", "1", 3.0, {}).dump()
    with pytest.raises(InvalidInput) as refused:
        model.recluster(Run(), io.BytesIO(other), num_speakers=2)
    assert refused.value.code == "not_reclusterable"


def test_a_reference_is_read_before_the_work_is_done(model: DiarizationModel) -> None:
    run = Run()
    with pytest.raises(InvalidInput) as refused:
        model.predict(run, io.BytesIO(wav(noise(2))), reference=io.BytesIO(b"SPEAKER call 1 soon 2 <NA> <NA> anna"))
    assert (refused.value.code, run.steps) == ("invalid_reference", [])


def test_turns_are_scored_by_a_reference(predict: Predict, sample_path: Path) -> None:
    with sample_path.with_suffix(".rttm").open("rb") as file:
        result = predict(sample_path.read_bytes(), num_speakers=2, reference=file)
    assert result["score"]["strict"]["der"] <= 24  # measured: 22.3


def test_peaks_are_saved_for_players(model: DiarizationModel, sample_path: Path) -> None:
    run = Run()
    model.predict(run, io.BytesIO(sample_path.read_bytes()))
    told = json.loads(run.files["peaks.json"])
    assert (told["version"], told["length"], len(told["data"])) == (2, 3000, 6000)


def test_short_blocks_are_kept_and_gone_on_with(model: DiarizationModel, sample_path: Path, settings: Any) -> None:
    settings.DIARIZATION_BLOCK_SECONDS = 7
    content = sample_path.read_bytes()
    run = Run()
    first = model.predict(run, io.BytesIO(content), num_speakers=2)
    assert run.kept is not None and run.kept[0] == 4
    again = model.predict(run, io.BytesIO(content), num_speakers=2)
    assert said(again) == said(first)


def test_what_other_blocks_have_left_is_passed_over(model: DiarizationModel, sample_path: Path, settings: Any) -> None:
    content = sample_path.read_bytes()
    whole = model.predict(Run(), io.BytesIO(content), num_speakers=2)
    settings.DIARIZATION_BLOCK_SECONDS = 7
    run = Run()
    model.predict(run, io.BytesIO(content), num_speakers=2)
    settings.DIARIZATION_BLOCK_SECONDS = 1800
    assert said(model.predict(run, io.BytesIO(content), num_speakers=2)) == said(whole)
