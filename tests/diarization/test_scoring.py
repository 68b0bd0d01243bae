from __future__ import annotations

import io

import numpy as np
import pytest
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate

from diarization.inference.scoring import PARTS, annotation, errors, pieces, read_rttm, score
from tasks.errors import InvalidInput

TWO = b"""\
;; a comment
SPKR-INFO call 1 <NA> <NA> <NA> unknown anna <NA>

SPEAKER call 1 0.0 10.0 <NA> <NA> anna <NA> <NA>
SPEAKER call 1 8.0 12.0 <NA> <NA> ben <NA> <NA>
"""


def read(content: bytes, duration: float = 20) -> Annotation:
    return read_rttm(io.BytesIO(content), duration)


def turns(*spans: tuple[float, float, str]) -> Annotation:
    return annotation([{"start": start, "end": end, "speaker": speaker} for start, end, speaker in spans])


def test_rttm_is_read_whatever_else_stands_in_it() -> None:
    spans = [(segment.start, segment.end, speaker) for segment, _, speaker in read(TWO).itertracks(yield_label=True)]
    assert spans == [(0, 10, "anna"), (8, 20, "ben")]


def test_a_byte_order_mark_takes_no_line_away() -> None:
    assert read(b"\xef\xbb\xbf" + TWO.partition(b"\n\n")[2]).labels() == ["anna", "ben"]


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_lines_may_end_as_on_any_machine(end: bytes) -> None:
    assert read(TWO.replace(b"\n", end)).labels() == ["anna", "ben"]


def test_what_reaches_beyond_the_recording_is_cut_off() -> None:
    assert read(TWO, duration=9).get_timeline().extent().end == 9
    assert read(TWO, duration=7.5).labels() == ["anna"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF\x00\xff\xfe nothing",
        b"SPEAKER call 1 0.0 <NA> <NA> <NA> anna",
        b"SPEAKER call 1 nan 2 <NA> <NA> anna",
        b"SPEAKER call 1 -1 2 <NA> <NA> anna",
        b"SPEAKER call 1 0 0 <NA> <NA> anna",
        b"SPEAKER call 1 0 inf <NA> <NA> anna",
        b"SPEAKER call 1 0 5",
        b"SPEAKER call 1 0 5 <NA> <NA> \xff",
        b"SPEAKER call 1 30 5 <NA> <NA> anna",
        b"".join(b"SPEAKER call 1 0 5 <NA> <NA> voice%d\n" % number for number in range(51)),
        TWO + b"SPEAKER other 1 0 5 <NA> <NA> anna",
    ],
)
def test_what_is_no_reference_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(content)
    assert refused.value.code == "invalid_reference"


def test_overlap_is_scored_and_shares_are_of_the_references_speech() -> None:
    found = score(read(TWO), turns((0, 10, "A"), (10, 20, "B")), 20)
    assert found["strict"] == {"der": pytest.approx(9.09), "miss": 9.09, "false_alarm": 0, "confusion": 0}
    assert (found["reference_seconds"], found["overlap"], found["collar_seconds"]) == (22, "scored", 0.25)


def test_the_collar_forgives_a_quarter_of_a_second_on_either_side() -> None:
    reference = turns((5, 10, "anna"))
    assert score(reference, turns((4.76, 10.24, "A")), 20)["collar"]["der"] == 0
    assert errors(reference, turns((4.5, 10, "A")), 20, collar_seconds=0.25) == pytest.approx(
        {"miss": 0, "false_alarm": 0.25, "confusion": 0, "total": 4.5}
    )


def test_false_alarms_count_in_the_whole_recording() -> None:
    assert score(turns((0, 10, "anna")), turns((0, 10, "A"), (19, 20, "A")), 20)["strict"]["false_alarm"] == 10


@pytest.mark.parametrize("collar_seconds", [0, 0.25])
@pytest.mark.parametrize("seed", range(5))
def test_scored_in_pieces_it_is_as_pyannotes_metric(monkeypatch: pytest.MonkeyPatch, seed: int, collar_seconds: float) -> None:
    monkeypatch.setattr("diarization.inference.scoring.PIECE_TURNS", 7)
    drawn = np.random.default_rng(seed)
    starts, lengths, who = drawn.uniform(0, 58, (2, 40)), drawn.choice([0.1, 0.5, 2, 20], (2, 40)), drawn.integers(0, 5, (2, 40))
    spans = [zip(starts[side], np.minimum(starts[side] + lengths[side], 60), map(str, who[side]), strict=True) for side in (0, 1)]
    reference, found = turns(*spans[0]), turns(*spans[1])
    whole = Timeline([Segment(0, 60)])
    plain = DiarizationErrorRate(collar=2 * collar_seconds)(reference, found, uem=whole, detailed=True)
    wanted = {name: plain[part] for name, part in {**PARTS, "total": "total"}.items()}
    assert errors(reference, found, 60, collar_seconds=collar_seconds) == pytest.approx(wanted)


def test_a_long_recording_is_scored_in_proportion_to_its_turns() -> None:
    calls: list[int] = []
    said = [(second, second + 0.9, str(second % 6)) for second in range(2000)]
    for piece in pieces(turns(*said), turns(*said), Timeline([Segment(0, 2000)]), 2000):
        calls.append(len(piece.reference) + len(piece.found))
    assert sum(calls) == pytest.approx(4000, abs=2 * len(calls)) and max(calls) <= 102


def test_where_the_collar_leaves_nothing_there_is_no_rate() -> None:
    assert score(turns((1, 1.4, "anna")), turns((1, 1.4, "A")), 20)["collar"]["der"] is None


def test_the_same_speakers_with_other_names_are_right() -> None:
    assert score(read(TWO), read(TWO).rename_labels({"anna": "x", "ben": "y"}), 20)["strict"]["der"] == 0
