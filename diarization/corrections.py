"""A person renames, merges and splits speakers: times stay as the model found them, only whose they are changes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from diarization.results import Turn, document, in_order, mean_confidence
from tasks.errors import Code, InvalidInput
from tasks.languages import sentence

Result = dict[str, Any]
MOST_NAMED = 5  # strangers that an answer names


def correct(result: Result, patch: dict[str, Any]) -> Result:
    """The result with one patch: `rename`, `merge` or `split`. What is counted of it is still the old, until `recount`.

    Raises InvalidInput for speakers or turns that the result does not have, and for a name that another speaker has.
    """
    [(how, what)] = patch.items()
    return HOW[how](result, what)


def rename(result: Result, names: dict[str, str]) -> Result:
    """Two may swap their names. No two may have one name after it: they would be one speaker."""
    check_speakers(result, names)
    after = [names.get(name, name) for name in known(result)]
    if len(set(after)) < len(after):
        raise InvalidInput(Code.INVALID_REQUEST, "Two speakers would have one name; to make them one, merge them.")
    return {**result, **{part: [called(turn, names.get(turn["speaker"])) for turn in result[part]] for part in ("turns", "exclusive")}}


def merge(result: Result, what: dict[str, Any]) -> Result:
    """Where two of them spoke at once, one turn is left."""
    merged = set(what["speakers"])
    check_speakers(result, merged)
    if what["into"] in set(known(result)) - merged:
        raise InvalidInput(Code.INVALID_REQUEST, sentence("Another speaker is called %(name)s.", name=what["into"]))
    return {**result, **{part: united(result[part], merged, what["into"]) for part in ("turns", "exclusive")}, "score": None}


def split(result: Result, what: dict[str, Any]) -> Result:
    """Some of a speaker's turns become another's, who may be new. A person is sure: their confidence is 1."""
    check_speakers(result, [what["speaker"]])
    check_turns(result, what)
    chosen, into = set(what["turns"]), what["into"]
    moved = [result["turns"][place] for place in sorted(chosen)]
    turns = [{**called(turn, into), "confidence": 1.0} if place in chosen else turn for place, turn in enumerate(result["turns"])]
    pieces = (cut(turn, moved, into) if turn["speaker"] == what["speaker"] else [turn] for turn in result["exclusive"])
    return {
        **result,
        "turns": united(turns, {into}, into),
        "exclusive": united(list(chain.from_iterable(pieces)), {into}, into),
        "score": None,
    }


HOW: dict[str, Callable[[Result, Any], Result]] = {"rename": rename, "merge": merge, "split": split}


def recount(result: Result) -> Result:
    """With everything that is counted of its turns as they are now."""
    return {**result, **document(result["turns"], result["exclusive"], result["duration_seconds"])}


def known(result: Result) -> list[str]:
    return list(dict.fromkeys(turn["speaker"] for turn in result["turns"]))


def check_speakers(result: Result, names: Iterable[str]) -> None:
    if strangers := sorted(set(names) - set(known(result))):
        said = sentence("Nobody of this name speaks: %(names)s.", names=", ".join(strangers[:MOST_NAMED]))
        raise InvalidInput(Code.INVALID_REQUEST, said)


def check_turns(result: Result, what: dict[str, Any]) -> None:
    turns, speaker = result["turns"], what["speaker"]
    odd = [place for place in what["turns"] if place >= len(turns) or turns[place]["speaker"] != speaker]
    if odd:
        said = sentence("These are no turns of %(name)s: %(places)s.", name=speaker, places=", ".join(map(str, odd[:MOST_NAMED])))
        raise InvalidInput(Code.INVALID_REQUEST, said)


def called(turn: Turn, name: str | None) -> Turn:
    return turn if name is None else {**turn, "speaker": name}


def united(turns: list[Turn], merged: set[str], into: str) -> list[Turn]:
    """Turns of those merged are of one speaker now; where they overlap or touch they are one turn."""
    joined: list[Turn] = []
    for turn in in_order(called(turn, into) for turn in turns if turn["speaker"] in merged):
        if joined and turn["start"] <= joined[-1]["end"]:
            joined[-1] = both(joined[-1], turn)
        else:
            joined.append(turn)
    return in_order([turn for turn in turns if turn["speaker"] not in merged] + joined)


def both(first: Turn, second: Turn) -> Turn:
    one = {**first, "end": max(first["end"], second["end"])}
    return {**one, "confidence": mean_confidence([first, second])} if "confidence" in first else one


def cut(turn: Turn, moved: list[Turn], into: str) -> list[Turn]:
    """A stretch of the speaker who is split, in pieces: those inside the moved turns (sorted, apart from each other) are the other's."""
    edges = [edge for each in moved for edge in (each["start"], each["end"])]
    first, after = bisect_right(edges, turn["start"]), bisect_right(edges, turn["end"])
    marks = [turn["start"], *edges[first:after], turn["end"]]
    return [
        {**turn, "start": start, "end": end, "speaker": into if (first + number) % 2 else turn["speaker"]}
        for number, (start, end) in enumerate(zip(marks, marks[1:], strict=False))
        if end > start
    ]
