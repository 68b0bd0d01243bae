"""Who spoke when, as other programs read it."""

from __future__ import annotations

from typing import Any

import pytest

from diarization import formats
from diarization.kind import KIND

RESULT: dict[str, Any] = {
    "turns": [
        {"start": 0.5, "end": 1.75, "speaker": "SPEAKER_00"},
        {"start": 3661.0, "end": 3662.004, "speaker": "Ann & <b>"},
    ]
}


def named(name: str) -> dict[str, Any]:
    return {"turns": [{"start": 0.0, "end": 1.0, "speaker": name}]}


def test_rttm_has_ten_fields_a_line() -> None:
    first, second = formats.rttm(RESULT, "job-1").splitlines()
    assert first == "SPEAKER job-1 1 0.500 1.250 <NA> <NA> SPEAKER_00 <NA> <NA>"
    assert (len(second.split(" ")), second.split(" ")[7]) == (10, "Ann_&_<b>")


def test_subrip_numbers_its_subtitles() -> None:
    assert formats.srt(RESULT, "job-1") == ("1\n00:00:00,500 --> 00:00:01,750\nSPEAKER_00\n\n2\n01:01:01,000 --> 01:01:02,004\nAnn & <b>\n")


def test_webvtt_names_its_voices_and_holds_no_markup_of_theirs() -> None:
    assert formats.vtt(RESULT, "job-1") == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.750\n<v SPEAKER_00>SPEAKER_00</v>\n"
        "\n01:01:01.000 --> 01:01:02.004\n<v Ann &amp; &lt;b&gt;>Ann &amp; &lt;b&gt;</v>\n"
    )


def test_a_table_has_a_row_for_each_turn() -> None:
    assert formats.csv(RESULT, "job-1").splitlines()[:2] == [
        "start_seconds,end_seconds,duration_seconds,speaker",
        "0.5,1.75,1.25,SPEAKER_00",
    ]


@pytest.mark.parametrize("form", ["rttm", "srt", "vtt"])
@pytest.mark.parametrize("name", ["two\n\nlines", "", "00:00 --> 00:01", "\u2028x\u2028"])
def test_no_name_makes_a_line_of_its_own(form: str, name: str) -> None:
    lines = getattr(formats, form)(named(name), "job-1").split("\n")
    assert len(lines) == len(getattr(formats, form)(named("Ann"), "job-1").split("\n"))
    assert sum("-->" in line for line in lines) == (0 if form == "rttm" else 1)
    assert all(line.strip() for line in lines[-2:-1])


def test_silence_is_an_answer_in_every_format() -> None:
    silent: dict[str, Any] = {"turns": []}
    assert [getattr(formats, name)(silent, "job-1") for name in ("rttm", "srt", "vtt")] == ["", "", "WEBVTT\n"]
    assert len(formats.csv(silent, "job-1").splitlines()) == 1


@pytest.mark.parametrize("name", KIND.operations["predict"].renderers)
def test_every_format_of_the_kind_leads_to_a_function(name: str) -> None:
    assert KIND.operations["predict"].renderers[name].function == f"diarization.formats.{name}"
    assert callable(getattr(formats, name))
