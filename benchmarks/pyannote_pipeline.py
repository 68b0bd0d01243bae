"""pyannote's pipeline by our way beside plain pyannote: `python -m benchmarks.pyannote_pipeline [--rounds 3] [--seconds 30]`.

A pipeline is generated with the layout and the networks of speaker-diarization-community-1 and random weights
(`tests/diarization/clone.py`): what a network costs does not depend on its weights. Plain `Pipeline.from_pretrained(...)` and ours take
turns on the recording inside the pyannote.audio package, on one thread. CPU seconds of this process are counted, of everything and of the
embeddings.

The exit code is 1 if a turn differs by more than 10^-6 s, if the median embedding step is less than three times as fast, or if there was
nothing to compare: no turns, one speaker, nobody who talks at the same time as another.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks import machine
from benchmarks.engine import FOLDER
from benchmarks.report import spread, table

if TYPE_CHECKING:
    from diarization.inference.hub import PyannoteDiarizer
    from diarization.inference.windows import Sound

LARGEST_DIFFERENCE_SECONDS = 1e-6
LEAST_RATIO = 3.0
Turn = tuple[float, float, str]


@dataclass(frozen=True)
class Answer:
    """Of one way, for one run: CPU seconds, and what it said."""

    seconds: float
    embedding_seconds: float
    turns: Sequence[Turn]
    exclusive: Sequence[Turn]


@dataclass(frozen=True)
class Round:
    plain: Answer
    ours: Answer

    @property
    def ratio(self) -> float:
        return self.plain.embedding_seconds / self.ours.embedding_seconds

    @property
    def difference(self) -> float:
        """The largest of any turn's begin or end; infinite if there are others, or other speakers."""
        return max(difference(self.plain.turns, self.ours.turns), difference(self.plain.exclusive, self.ours.exclusive))


def difference(plain: Sequence[Turn], ours: Sequence[Turn]) -> float:
    names = {(one[2], other[2]) for one, other in zip(plain, ours, strict=False)}
    if len(plain) != len(ours) or len(names) != len({name for name, _ in names}) or len(names) != len({name for _, name in names}):
        return float("inf")
    return max((abs(a - b) for one, other in zip(plain, ours, strict=True) for a, b in zip(one[:2], other[:2], strict=True)), default=0.0)


def misses(rounds: Sequence[Round]) -> list[str]:
    """What does not hold."""
    found = []
    turns = rounds[0].plain.turns
    if len({name for *_, name in turns}) < 2 or not overlapping(turns):
        found.append("nothing to compare: fewer than two speakers, or they never overlap")
    if (worst := max(one.difference for one in rounds)) > LARGEST_DIFFERENCE_SECONDS:
        found.append(f"turns differ by up to {worst:g} s")
    if (ratio := statistics.median(one.ratio for one in rounds)) < LEAST_RATIO:
        found.append(f"embeddings are made {ratio:.2f} times as fast, not {LEAST_RATIO:g}")
    return found


def overlapping(turns: Sequence[Turn]) -> bool:
    return any(first[1] > second[0] for first, second in zip(turns, turns[1:], strict=False))


class Watch:
    """CPU seconds of this process inside a function."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def over(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds += time.process_time() - began

        return timed


class NoJob:
    """Nothing to go on with, and nothing to keep."""

    def resume(self) -> None:
        return None

    def keep(self, blocks: int, heard: object) -> None:
        pass


@contextmanager
def both() -> Iterator[tuple[Any, PyannoteDiarizer]]:
    """Plain pyannote and ours, each with networks of its own out of the same files."""
    import torch

    from diarization.inference.hub import PyannoteDiarizer  # first: it makes pyannote.audio importable
    from tests.diarization.clone import write_clone

    torch.set_num_threads(1)
    from pyannote.audio import Pipeline

    with TemporaryDirectory() as folder:
        clone = write_clone(Path(folder) / "pipeline")
        yield Pipeline.from_pretrained(clone), PyannoteDiarizer(Pipeline.from_pretrained(clone), version="random")


def by_plain(pipeline: Any, sound: Sound) -> Answer:
    import torch

    watch, get_embeddings = Watch(), pipeline.get_embeddings
    pipeline.get_embeddings = watch.over(get_embeddings)
    began = time.process_time()
    told = pipeline({"waveform": torch.from_numpy(sound)[None], "sample_rate": 16_000, "uri": "recording"})
    seconds = time.process_time() - began
    pipeline.get_embeddings = get_embeddings
    length = len(sound) / 16_000
    both = (turns(annotation, length) for annotation in (told.speaker_diarization, told.exclusive_speaker_diarization))
    return Answer(seconds, watch.seconds, *both)


def turns(annotation: Any, seconds: float) -> list[Turn]:
    """Within the recording: pyannote's own may end in the silence with which it fills up the last chunk."""
    found = [(float(turn.start), min(seconds, float(turn.end)), str(name)) for turn, _, name in annotation.itertracks(yield_label=True)]
    return [turn for turn in found if turn[0] < turn[1]]


def by_ours(diarizer: PyannoteDiarizer, sound: Sound) -> Answer:
    from diarization.inference.diarizer import Asked

    watch, embed = Watch(), diarizer.embed
    diarizer.embed = watch.over(embed)  # type: ignore[method-assign]  # for this program alone
    began = time.process_time()
    found = diarizer.speakers(diarizer.listen(iter([sound]), lambda step, fraction: None, NoJob()), Asked())
    seconds = time.process_time() - began
    diarizer.embed = embed  # type: ignore[method-assign]
    both = ([(turn.start, turn.end, str(turn.speaker)) for turn in said] for said in (found.turns, found.exclusive))
    return Answer(seconds, watch.seconds, *both)


def compared(rounds: int, seconds: float) -> list[Round]:
    from tests.diarization.clone import sample

    sound, found = sample()[: round(seconds * 16_000)], []
    with both() as (plain, ours):
        by_ours(ours, sound[: 5 * 16_000]), by_plain(plain, sound[: 5 * 16_000])  # warm
        for number in range(rounds):
            found.append(Round(by_plain(plain, sound), by_ours(ours, sound)))
            print(f"round {number + 1}: embeddings {found[-1].ratio:.2f} times as fast", file=sys.stderr, flush=True)
    return found


def text(rounds: Sequence[Round], seconds: float) -> str:
    rows = [["CPU seconds", "everything", "embeddings", "embeddings per second of sound"]]
    for name, answers in (("plain pyannote", [one.plain for one in rounds]), ("ours", [one.ours for one in rounds])):
        embeddings = [answer.embedding_seconds for answer in answers]
        cells = [[answer.seconds for answer in answers], embeddings, [value / seconds for value in embeddings]]
        rows.append([name, *(spread(cell, 2) for cell in cells)])
    plain = rounds[0].plain
    rows.append(["times as fast", spread([one.plain.seconds / one.ours.seconds for one in rounds], 2), ratios(rounds), ""])
    same = f"{len(plain.turns)} turns of {len({name for *_, name in plain.turns})} speakers, {len(plain.exclusive)} exclusive ones"
    return f"{table(rows)}\n\n{same}; largest difference {max(one.difference for one in rounds):g} s"


def ratios(rounds: Sequence[Round]) -> str:
    return spread([one.ratio for one in rounds], 2)


def facts(rounds: Sequence[Round], seconds: float) -> dict[str, Any]:
    differences, fast = [one.difference for one in rounds], [one.ratio for one in rounds]
    return {
        "machine": machine.description(),
        "seconds": seconds,
        "rounds": [asdict(one) for one in rounds],
        "ratios": fast,
        "differences_seconds": differences,
        "missed": misses(rounds),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pyannote_pipeline", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30.0, help="of the recording, 30 at most")
    parser.add_argument("--json", type=Path, help="default: var/benchmarks/pyannote_pipeline-<date>.json")
    options = parser.parse_args()
    rounds = compared(options.rounds, options.seconds)
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = options.json or FOLDER / f"pyannote_pipeline-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps(facts(rounds, options.seconds), indent=1) + "\n")
    print(machine.in_words(machine.description()), text(rounds, options.seconds), sep="\n\n")
    missed = misses(rounds)
    print("\n" + ("\n".join(f"MISSED: {miss}" for miss in missed) or "all limits hold"))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
