"""What follows from turns alone: who speaks for how long, and how much at once. Pure: the worker and corrections both count with it.

Turns are as JSON has them: `{"start", "end", "speaker", "confidence"}`, in seconds. Those of one speaker do not overlap each other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

Turn = dict[str, Any]


def document(turns: Iterable[Turn], exclusive: Iterable[Turn], duration: float) -> dict[str, Any]:
    """The part of a result that follows from its turns, to the millisecond; `duration` is the recording's, in seconds.

    `turns` may overlap, `exclusive` ones may not. What rounds to nothing is left out. Corrections call a turn by its place in the list:
    turns that begin and end together stay in the order in which they are given.
    """
    said = in_order(turn(given) for given in turns)
    times = speaking_times(said)
    return {
        "turns": said,
        "exclusive": in_order(span(given) for given in exclusive),
        "speakers": speakers(said, times),
        "num_speakers_found": len({turn["speaker"] for turn in said}),
        "speech_seconds": round(times.speech, 3),
        "speech_ratio": round(min(times.speech / duration, 1.0), 4) if duration else 0.0,
        "overlap_seconds": round(times.overlap, 3),
    }


def span(given: Turn) -> Turn:
    return {"start": round(float(given["start"]), 3), "end": round(float(given["end"]), 3), "speaker": given["speaker"]}


def turn(given: Turn) -> Turn:
    confidence = given.get("confidence")
    return {**span(given), "confidence": None if confidence is None else round(float(confidence), 3)}


def in_order(turns: Iterable[Turn]) -> list[Turn]:
    return sorted((turn for turn in turns if turn["end"] > turn["start"]), key=lambda turn: (turn["start"], turn["end"]))


class Times:
    """Seconds: in which anybody speaks, in which several do, and each speaker's own of both."""

    def __init__(self) -> None:
        self.speech = self.overlap = 0.0
        self.seconds: dict[str, float] = defaultdict(float)
        self.at_once: dict[str, float] = defaultdict(float)

    def add(self, seconds: float, talking: Iterable[str]) -> None:
        names = list(talking)
        self.speech += seconds
        self.overlap += seconds if len(names) > 1 else 0.0
        for name in names:
            self.seconds[name] += seconds
            self.at_once[name] += seconds if len(names) > 1 else 0.0


def speaking_times(turns: list[Turn]) -> Times:
    times = Times()
    for seconds, talking in stretches(turns):
        times.add(seconds, talking)
    return times


def stretches(turns: list[Turn]) -> Iterator[tuple[float, list[str]]]:
    """Each stretch in which the same people talk: its seconds, and who they are."""
    changes = [(turn["start"], 1, turn["speaker"]) for turn in turns] + [(turn["end"], -1, turn["speaker"]) for turn in turns]
    talking: Counter[str] = Counter()
    before = 0.0
    for time, change, speaker in sorted(changes):
        if talking and time > before:
            yield time - before, list(talking)
        before = time
        talking[speaker] += change
        if not talking[speaker]:
            del talking[speaker]


def speakers(turns: list[Turn], times: Times) -> list[dict[str, Any]]:
    """In the order of their first turns."""
    own: dict[str, list[Turn]] = defaultdict(list)
    for each in turns:
        own[each["speaker"]].append(each)
    return [
        {
            "name": name,
            "seconds": round(times.seconds[name], 3),
            "overlap_seconds": round(times.at_once[name], 3),
            "turns": len(said),
            "confidence": mean_confidence(said),
        }
        for name, said in own.items()
    ]


def mean_confidence(turns: Iterable[Turn]) -> float | None:
    """Of the turns whose confidence is known, weighted by their length; None if that of none is."""
    known = [(turn["end"] - turn["start"], turn["confidence"]) for turn in turns if turn["confidence"] is not None]
    length = sum(seconds for seconds, _ in known)
    return round(sum(seconds * confidence for seconds, confidence in known) / length, 3) if length else None
