"""Who spoke when, as other programs read it."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.module_loading import import_string

from diarization import formats
from diarization.kind import KIND
from tests.diarization.test_results import turn

TURNS = [turn(0.5, 1.75, "SPEAKER_00", 0.9), turn(3661.0, 3662.004, "Ann & <b>")]
RESULT: dict[str, Any] = {"turns": TURNS, "exclusive": TURNS}
AT_ONCE: dict[str, Any] = {"turns": [turn(0, 4, "A"), turn(3, 6, "B")], "exclusive": [turn(0, 3.5, "A"), turn(3.5, 6, "B")]}


def named(name: str) -> dict[str, Any]:
    return {"turns": [turn(0.0, 1.0, name)], "exclusive": [turn(0.0, 1.0, name)]}


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
        "start_seconds,end_seconds,duration_seconds,speaker,confidence",
        "0.5,1.75,1.25,SPEAKER_00,0.9",
    ]


def test_audacity_reads_labels_between_tabs() -> None:
    assert formats.audacity(RESULT, "job-1") == "0.500000\t1.750000\tSPEAKER_00\n3661.000000\t3662.004000\tAnn & <b>\n"


def test_subtitles_are_one_at_a_time_and_all_else_has_every_turn() -> None:
    assert "00:00:00,000 --> 00:00:03,500\nA" in formats.srt(AT_ONCE, "job-1")
    assert "00:00:03.500 --> 00:00:06.000" in formats.vtt(AT_ONCE, "job-1")
    assert [line.split()[3:5] for line in formats.rttm(AT_ONCE, "job-1").splitlines()] == [["0.000", "4.000"], ["3.000", "3.000"]]
    assert formats.audacity(AT_ONCE, "job-1").splitlines()[0].startswith("0.000000\t4.000000")
    assert formats.csv(AT_ONCE, "job-1").splitlines()[2].startswith("3,6,3,B")


@pytest.mark.parametrize("form", ["rttm", "srt", "vtt", "audacity"])
@pytest.mark.parametrize("name", ["two\n\nlines", "", "00:00 --> 00:01", "00:00 ---> 00:01", "\u2028x\u2028"])
def test_no_name_makes_a_line_of_its_own(form: str, name: str) -> None:
    lines = getattr(formats, form)(named(name), "job-1").split("\n")
    assert len(lines) == len(getattr(formats, form)(named("Ann"), "job-1").split("\n"))
    assert sum("-->" in line for line in lines) == (0 if form in ("rttm", "audacity") else 1)
    assert all(line.strip() for line in lines[-2:-1])


def test_silence_is_an_answer_in_every_format() -> None:
    silent: dict[str, Any] = {"turns": [], "exclusive": []}
    assert [getattr(formats, name)(silent, "job-1") for name in ("rttm", "srt", "vtt", "audacity")] == ["", "", "WEBVTT\n", ""]
    assert len(formats.csv(silent, "job-1").splitlines()) == 1


@pytest.mark.parametrize("operation", KIND.operations)
def test_every_format_of_the_kind_leads_to_a_function(operation: str) -> None:
    renderers = KIND.operations[operation].renderers
    assert list(renderers) == ["rttm", "srt", "vtt", "csv", "audacity", "svg"]
    assert all(callable(import_string(renderer.function)) for renderer in renderers.values())
