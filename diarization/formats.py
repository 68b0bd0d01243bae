"""Who spoke when, as other programs read it. `job` is the job's id.

A speaker's name may be anything: people rename speakers.
"""

from __future__ import annotations

import re
from typing import Any

from tasks.tables import Cell, csv_text

ARROW = re.compile("-{2,}>")


def rttm(result: dict[str, Any], job: str) -> str:
    """NIST's Rich Transcription Time Marked: fields end at spaces, so that a name has none."""
    return "".join(
        f"SPEAKER {job} 1 {turn['start']:.3f} {turn['end'] - turn['start']:.3f} <NA> <NA> {one_word(turn['speaker'])} <NA> <NA>\n"
        for turn in result["turns"]
    )


def srt(result: dict[str, Any], job: str) -> str:
    """SubRip; there are no words, so that each subtitle is its speaker's name. One at a time: readers expect no two at once."""
    return "\n".join(
        f"{number}\n{clock(turn['start'], ',')} --> {clock(turn['end'], ',')}\n{one_line(turn['speaker'])}\n"
        for number, turn in enumerate(result["exclusive"], start=1)
    )


def vtt(result: dict[str, Any], job: str) -> str:
    """WebVTT with voice spans, which a page can style by speaker."""
    cues = [
        f"\n{clock(turn['start'], '.')} --> {clock(turn['end'], '.')}\n<v {escaped(turn['speaker'])}>{escaped(turn['speaker'])}</v>\n"
        for turn in result["exclusive"]
    ]
    return "WEBVTT\n" + "".join(cues)


def csv(result: dict[str, Any], job: str) -> str:
    header = ["start_seconds", "end_seconds", "duration_seconds", "speaker", "confidence"]
    return csv_text(header, [csv_row(turn) for turn in result["turns"]])


def csv_row(turn: dict[str, Any]) -> list[Cell]:
    return [turn["start"], turn["end"], round(turn["end"] - turn["start"], 3), turn["speaker"], turn["confidence"]]


def audacity(result: dict[str, Any], job: str) -> str:
    """A label track of Audacity (File, Import, Labels): start and end in seconds, and the label, with tabs between them."""
    return "".join(f"{turn['start']:.6f}\t{turn['end']:.6f}\t{one_line(turn['speaker'])}\n" for turn in result["turns"])


def clock(seconds: float, point: str) -> str:
    """Hours, minutes, seconds and milliseconds: 01:02:03.004."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def one_line(name: str) -> str:
    """Without an arrow either: it would read as another time line."""
    return ARROW.sub("->", " ".join(name.split())) or "-"


def one_word(name: str) -> str:
    return one_line(name).replace(" ", "_")


def escaped(name: str) -> str:
    return one_line(name).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
