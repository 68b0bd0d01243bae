"""Send pictures of faces and count right names: the workload of the elastic face recognition, for services that speak its protocol.

    python jmeter/workload_generator.py --num_request 100 --url http://127.0.0.1:8000 --image_folder DIR --prediction_file results.csv

A hundred threads each `POST` one picture as the multipart field `inputFile` and want status 200 and the text `<file stem>:<Name>`. What
cannot connect, or is cut off, is sent again until it is answered; any other answer is a failure. `results.csv` has the columns
`Image,Results`: a name is correct if it is the one of the picture's row. The answers and the statistics go to standard output, in the words
that their readers know; how far it is goes to the terminal, on standard error.

Exit code: 0 all requests were completed, whatever the names (the statistics tell); 1 some failed; 2 wrong arguments or files, nothing was
sent; 130 interrupted, without statistics.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import os
import re
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx

THREADS = 100
ANSWER_SECONDS = 600.0  # a connection that is silent for longer counts as cut off
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0  # before what could not be sent is sent again


class Unusable(Exception):
    """Arguments or files with which no run can begin; the text says why."""


@dataclass(frozen=True)
class Picture:
    path: Path
    name: str
    """Who it shows, as the prediction file has it."""


@dataclass
class Counts:
    completed: int = 0
    failed: int = 0
    correct: int = 0
    wrong: int = 0

    @property
    def answered(self) -> int:
        return self.completed + self.failed


@dataclass
class Workload:
    """Sends pictures from many threads, which write under `lock`: here and to the terminal."""

    url: str
    total: int
    http: httpx.Client
    counts: Counts = field(default_factory=Counts)
    unanswered: list[Picture] = field(default_factory=list)
    trouble: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, picture: Picture) -> None:
        """One request; a connection that failed puts the picture among the unanswered."""
        with picture.path.open("rb") as file:
            try:
                answer = self.http.post(self.url, files={"inputFile": (picture.path.name, file)})
            except httpx.TransportError as error:
                with self.lock:
                    self.unanswered.append(picture)
                    self.trouble = f"{type(error).__name__}: {error}"
                return
        with self.lock:
            self.count(picture, answer)
            self.show_progress()

    def count(self, picture: Picture, answer: httpx.Response) -> None:
        name = recognised(picture, answer)
        if name is None:
            self.counts.failed += 1
            said(f"sendErr: {self.url} ({picture.path.name}: status {answer.status_code}, {answer.text[:100]!r})")
            return
        self.counts.completed += 1
        self.counts.correct += name == picture.name
        self.counts.wrong += name != picture.name
        said(f"{picture.path.name} uploaded!\nClassification result: {answer.text.strip()}")

    def show_progress(self) -> None:
        """On a terminal one line that is written over, elsewhere nothing."""
        if sys.stderr.isatty():
            print(f"\r{self.counts.answered}/{self.total} answered, {self.counts.failed} failed ", end="", file=sys.stderr, flush=True)

    def run(self, pictures: Sequence[Picture]) -> None:
        """Return when each picture has had an answer, however long that takes."""
        pause = FIRST_PAUSE_SECONDS
        for attempt in itertools.count(1):
            threads = ThreadPoolExecutor(THREADS)  # without `with`, which would make Ctrl-C wait for the last answer
            list(threads.map(self.send, pictures))  # a list, so that what rises in a thread rises here
            threads.shutdown()
            said(f"Attempt-{attempt} {self.counts.completed}/{self.total} requests successful.")
            if not self.unanswered:
                return
            warn(f"{len(self.unanswered)} were not answered ({self.trouble}); they are sent again in {pause:g} s")
            pictures, self.unanswered = self.unanswered, []
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def said(lines: str) -> None:
    """To whoever reads the output; a line of progress makes room."""
    clear_progress()
    print(lines, flush=True)


def warn(line: str) -> None:
    clear_progress()
    print(line, file=sys.stderr, flush=True)


def clear_progress() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def recognised(picture: Picture, answer: httpx.Response) -> str | None:
    """The name in an answer; None if it is not `<stem of this picture>:<Name>` with status 200."""
    stem, colon, name = answer.text.strip().partition(":")
    fine = answer.status_code == 200 and stem == picture.path.stem and colon and name.strip() and ":" not in name
    return name.strip() if fine else None


def read_names(file: Path) -> dict[str, str]:
    """`{"test_00": "Paul"}`. Raises Unusable."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            return {row["Image"].strip(): row["Results"].strip() for row in csv.DictReader(lines)}
    except OSError as error:
        raise Unusable(f"{file}: {error.strerror}") from None
    except (KeyError, AttributeError, UnicodeDecodeError):  # no such column; a row that ends before it; no text
        raise Unusable(f"{file}: wanted a CSV with the columns Image,Results") from None


def choose(folder: Path, names: dict[str, str], count: int) -> list[Picture]:
    """So many pictures of the folder in the order of their names, from the first again where there are fewer. Raises Unusable."""
    if not folder.is_dir():
        raise Unusable(f"{folder}: no such folder")
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))[:count]
    if not files:
        raise Unusable(f"{folder}: no pictures")
    if nameless := [path.name for path in files if path.stem not in names]:
        raise Unusable(f"the prediction file has no row for {', '.join(nameless[:5])}{' ...' if len(nameless) > 5 else ''}")
    if len(files) < count:
        warn(f"{len(files)} pictures for {count} requests: they are sent more than once")
    return [Picture(path, names[path.stem]) for path in itertools.islice(itertools.cycle(files), count)]


def statistics(counts: Counts, total: int, seconds: float) -> str:
    """The words are read by other programs, the odd space before a colon included."""
    return "\n".join(
        [
            "+++++ Test Result Statistics +++++",
            f"Total number of requests: {total}",
            f"Total number of requests completed successfully: {counts.completed}",
            f"Total number of failed requests: {counts.failed}",
            f"Total number of correct predictions : {counts.correct}",
            f"Total number of wrong predictions: {counts.wrong}",
            f"Total Test Duration: {seconds} (seconds)",
            "++++++++++++++++++++++++++++++++++++",
        ]
    )


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num_request", type=int, required=True, help="requests to send, one picture each")
    parser.add_argument("--url", required=True, help="where the service is: http://127.0.0.1:8000")
    parser.add_argument("--image_folder", type=Path, required=True, help="the folder of the pictures")
    parser.add_argument("--prediction_file", type=Path, required=True, help="a CSV with the columns Image,Results")
    options = parser.parse_args(given)
    if options.num_request < 1:
        parser.error("--num_request: at least 1")
    if not re.match(r"https?://[^/]", options.url):
        parser.error("--url: wanted http://HOST:PORT")
    return options


def main() -> int:
    options = arguments()
    try:
        pictures = choose(options.image_folder, read_names(options.prediction_file), options.num_request)
    except Unusable as error:
        warn(str(error))
        return 2
    limits = httpx.Limits(max_connections=THREADS, max_keepalive_connections=THREADS)
    with httpx.Client(limits=limits, timeout=ANSWER_SECONDS, trust_env=False) as http:
        workload = Workload(options.url, len(pictures), http)
        started = time.time()
        workload.run(pictures)
        seconds = time.time() - started
    said("All requests have been processed or retried.")
    said(statistics(workload.counts, len(pictures), seconds))
    return 1 if workload.counts.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.stdout.flush()
        os._exit(130)  # the threads may wait for answers for minutes
