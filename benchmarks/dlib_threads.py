"""Why a face worker is one process that does one job at a time:
`python -m benchmarks.dlib_threads [--threads 2 4 30] [--runs 5] [--seconds 8]`.

The old selfie service died of `free(): invalid size`. dlib's Python binding gives up the GIL in one place, the face detector, and that
service shared one detector between its threads. Here threads look for the face in pictures of different sizes, in four ways:

- `shared`: one detector for all threads, as `face_recognition` has it, and that service had;
- `semaphore`: the same, with one thread at a time inside: its repair;
- `own`: a detector for each thread;
- `worker`: the threads hand their pictures to one process, which looks at one at a time: our way.

Each run is a process of its own. It has died, hung, given wrong faces (other boxes than one thread alone finds), or was right. The exit
code is 0 if `shared` has failed at least once and nothing else ever.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import machine
from benchmarks.report import table
from fitsize.demo_visit import package_file

if TYPE_CHECKING:
    import dlib

WAYS = ("shared", "semaphore", "own", "worker")
PICTURES = 8
PATIENCE_SECONDS = 60  # beyond a run's own seconds, for loading and for a busy machine
Boxes = list[tuple[int, int, int, int]]


@dataclass(frozen=True)
class Outcome:
    """Of one run. `end` is `right`, `wrong faces`, `hung`, or the name of the signal that it died of."""

    way: str
    threads: int
    end: str
    calls: int = 0
    wrong: int = 0
    last_words: str = ""


# -- inside the process of a run
@cache
def pictures() -> list[NDArray[np.uint8]]:
    """One face in pictures of 320 to 600 pixels: what one thread allocates is no size that another one needs."""
    with Image.open(package_file("skimage", "data", "astronaut.png")) as picture:
        face = picture.convert("RGB")
    return [np.asarray(face.resize((320 + 40 * number,) * 2)) for number in range(PICTURES)]


@cache
def detector() -> dlib.fhog_object_detector:
    import dlib

    return dlib.get_frontal_face_detector()


def found(hog: dlib.fhog_object_detector, number: int) -> Boxes:
    return sorted((box.left(), box.top(), box.right(), box.bottom()) for box in hog(pictures()[number], 1))


def found_by_worker(number: int) -> Boxes:
    return found(detector(), number)


def finder(way: str) -> Callable[[int], Boxes]:
    """How a thread finds the faces of a picture."""
    if way == "worker":
        workers = ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))
        return lambda number: workers.submit(found_by_worker, number).result()
    turns, own = threading.Semaphore(1), threading.local()

    def one_at_a_time(number: int) -> Boxes:
        with turns:
            return found(detector(), number)

    def by_own(number: int) -> Boxes:
        import dlib

        if not hasattr(own, "hog"):
            own.hog = dlib.get_frontal_face_detector()
        return found(own.hog, number)

    return {"shared": found_by_worker, "semaphore": one_at_a_time, "own": by_own}[way]


def run(way: str, threads: int, seconds: float) -> dict[str, int]:
    """So many threads look for so long; how often, and how often they saw other faces than there are."""
    right = [found_by_worker(number) for number in range(PICTURES)]
    find = finder(way)
    find(0)
    end = time.monotonic() + seconds
    answers: list[bool] = []

    def look(seed: int) -> None:
        chosen = random.Random(seed)
        while time.monotonic() < end:
            number = chosen.randrange(PICTURES)
            answers.append(find(number) == right[number])

    crowd = [threading.Thread(target=look, args=(seed,)) for seed in range(threads)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    return {"calls": len(answers), "wrong": answers.count(False)}


# -- outside
def outcome(way: str, threads: int, seconds: float) -> Outcome:
    command = [sys.executable, "-m", "benchmarks.dlib_threads", "--inside", way, "--threads", str(threads), "--seconds", str(seconds)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + PATIENCE_SECONDS,
            preexec_fn=without_core,
            process_group=0,
        )
    except subprocess.TimeoutExpired:
        return Outcome(way, threads, "hung")
    last_words = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode < 0:
        return Outcome(way, threads, signal.Signals(-done.returncode).name, last_words=last_words)
    if done.returncode:
        return Outcome(way, threads, "raised", last_words=last_words)
    seen = json.loads(done.stdout)
    return Outcome(way, threads, "wrong faces" if seen["wrong"] else "right", **seen)


def without_core() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def text(outcomes: Sequence[Outcome]) -> str:
    rows = [["way", "threads", "runs", "right", "died, hung or wrong", "calls", "wrong calls"]]
    for way, threads in dict.fromkeys((each.way, each.threads) for each in outcomes):
        runs = [each for each in outcomes if (each.way, each.threads) == (way, threads)]
        ends = Counter(each.end for each in runs)
        failed = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()) if end != "right") or "-"
        counts = [sum(each.calls for each in runs), sum(each.wrong for each in runs)]
        rows.append([way, str(threads), str(len(runs)), str(ends["right"]), failed, *map(str, counts)])
    said = Counter(each.last_words for each in outcomes if each.last_words)
    words = [f"  {count} x {line}" for line, count in said.most_common()]
    return "\n".join([table(rows), *(["last words:", *words] if words else [])])


def as_expected(outcomes: Sequence[Outcome]) -> bool:
    failed = {each.way for each in outcomes if each.end != "right"}
    return failed <= {"shared"} and ("shared" in failed or all(each.way != "shared" for each in outcomes))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dlib_threads", description=__doc__)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--threads", nargs="+", type=int, default=[2, 4, 30])
    parser.add_argument("--runs", type=int, default=5, help="of each way and number of threads")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each run")
    parser.add_argument("--inside", choices=WAYS, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    options = arguments()
    if options.inside:
        seen: dict[str, Any] = run(options.inside, options.threads[0], options.seconds)
        print(json.dumps(seen))
        return 0
    outcomes: list[Outcome] = []
    for way in options.ways:
        for threads in options.threads:
            for _ in range(options.runs):
                outcomes.append(outcome(way, threads, options.seconds))
                print(outcomes[-1], file=sys.stderr, flush=True)
    print(machine.in_words(machine.description()), text(outcomes), sep="\n\n")
    return 0 if as_expected(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
