"""The elastic face recognition's workload against `POST /`: `python -m benchmarks.workload [--requests 1000] [--folder DIR --names CSV]`.

A whole FitSize with one face worker, and `jmeter/workload_generator.py` with its 100 threads. Each different picture of the folder (the
original workload: ten of 64 pixels among a thousand files) is enrolled under its name, past the gate for photos, which would refuse such
small ones. Then

- two generators run at once, each with half of the requests, and ten file names that both have: under each name the one sends another
  picture than the other, so whoever got the other's answer would read a wrong name;
- one sends 100 requests at once, for which twenty machines of the old service had 80 seconds.

The exit code is 0 if every request of both was completed and right.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import machine
from benchmarks.engine import FOLDER
from benchmarks.processes import end_in_order_on_sigterm
from tests.stack import ROOT, Stack

ORIGINAL = ROOT.parent / "shared" / "data" / "faces" / "dev" / "workload_cse546"
MOST_NAMES = 10
AT_ONCE, OLD_SECONDS = 100, 80
ACCOUNT, KEY = "old-clients", "old clients"
ENVIRONMENT = {
    "LEGACY_CLIENTS": "workload-generator",
    "LEGACY_WAIT_SECONDS": "600",  # the generator counts a 503 as a failure, and its own patience is as long
    "FACES_IDENTIFY": "true",
    "FACES_IDENTIFY_PURPOSE": "a load test",
}
COUNTS = {
    "requests": "Total number of requests",
    "completed": "Total number of requests completed successfully",
    "failed": "Total number of failed requests",
    "right": "Total number of correct predictions ",
    "wrong": "Total number of wrong predictions",
}
Person = tuple[str, bytes]
"""A name and a picture."""


def different(folder: Path, names: Path) -> list[Person]:
    """The pictures of a workload, each once, with its name; ten at most."""
    with names.open(newline="", encoding="utf-8-sig") as lines:
        rows = {row["Image"]: row["Results"] for row in csv.DictReader(lines)}
    found = {path.read_bytes(): rows[path.stem] for path in sorted(folder.iterdir())}
    return [(name, content) for content, name in found.items()][:MOST_NAMES]


def write(people: Sequence[Person], folder: Path, shift: int = 0) -> tuple[Path, Path]:
    """A folder of `test_00.jpg` and so on with its table of names; with a `shift` each file shows somebody else."""
    pictures, table = folder / "pictures", folder / "names.csv"
    pictures.mkdir(parents=True)
    rows = []
    for number in range(len(people)):
        name, content = people[(number + shift) % len(people)]
        (pictures / f"test_{number:02}.jpg").write_bytes(content)
        rows.append([f"test_{number:02}", name])
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([["Image", "Results"], *rows])
    return pictures, table


@contextmanager
def running(folder: Path, people: Sequence[Person]) -> Iterator[Stack]:
    """A FitSize that knows these people: enrolled before its worker looks."""
    with Stack(folder / "stack", workers=("faces",), environment=ENVIRONMENT) as stack:
        scopes = ("--scope", "faces", "--scope", "faces:read")
        stack.manage("apikey", "create", "--user", ACCOUNT, "--name", KEY, "--rate", "0", "--queued", "0", *scopes)
        pictures, table = write(people, folder / "enrolled")
        command = [sys.executable, "-m", "benchmarks.workload", "--enrol", "--folder", str(pictures), "--names", str(table)]
        subprocess.run(
            command, cwd=ROOT, env={**os.environ, **stack.environment, "LOG_LEVEL": "WARNING"}, check=True, stdout=subprocess.DEVNULL
        )
        yield stack


def enrol(folder: Path, names: Path) -> None:
    """In the stack's environment, where Django is set up."""
    from faces.inference.model import FaceModel
    from faces.inference.photo import read_photo
    from fitsize.models import User
    from tests.faces.people import enrolled

    model = FaceModel()
    model.load()
    owner = User.objects.get(username=ACCOUNT)
    with names.open(newline="") as lines:
        for row in csv.DictReader(lines):
            with (folder / f"{row['Image']}.jpg").open("rb") as file:
                photo = read_photo(file, model.detector)
            [encoding] = model.encoder.encode(model.chip(photo, photo.faces[0])[None])
            enrolled(owner, encoding, name=row["Results"])


class Generator:
    """A run of the workload generator, started."""

    def __init__(self, stack: Stack, work: tuple[Path, Path], requests: int) -> None:
        pictures, table = work
        files = ["--image_folder", str(pictures), "--prediction_file", str(table)]
        command = [sys.executable, str(ROOT / "jmeter/workload_generator.py"), "--num_request", str(requests), *files]
        self.process = subprocess.Popen([*command, "--url", f"http://{stack.bind}"], stdout=subprocess.PIPE, text=True)

    def counts(self) -> dict[str, int]:
        """What it counted, once it is done."""
        said, _ = self.process.communicate()
        found = {name: re.search(rf"^{re.escape(words)}: (\d+)$", said, re.MULTILINE) for name, words in COUNTS.items()}
        return {name: int(match[1]) if match else -1 for name, match in found.items()}


def all_right(counts: dict[str, int]) -> bool:
    return counts["right"] == counts["completed"] == counts["requests"]


def measured(people: Sequence[Person], requests: int, at_once: int = AT_ONCE) -> dict[str, Any]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=FOLDER, prefix="workload-") as name:
        folder = Path(name)
        (folder / "stack").mkdir()
        with running(folder, people) as stack:
            work = [write(people, folder / "first"), write(people, folder / "second", shift=1)]
            started = time.monotonic()
            mixed = [generator.counts() for generator in [Generator(stack, each, requests // 2) for each in work]]
            mixed_seconds = time.monotonic() - started
            started = time.monotonic()
            together = Generator(stack, work[0], at_once).counts()
            seconds = time.monotonic() - started
            states = dict(stack.select("SELECT state, count(*) FROM tasks_job WHERE operation = 'identify' GROUP BY state"))
    facts = {"pictures": len(people), "two_at_once": mixed, "two_at_once_seconds": round(mixed_seconds, 1)}
    facts |= {"together": together, "together_seconds": round(seconds, 1), "jobs": states}
    return {"fine": all(map(all_right, [*mixed, together])), **facts}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workload", description=__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="of both generators together")
    parser.add_argument("--folder", type=Path, default=ORIGINAL / "face_images_1000")
    parser.add_argument("--names", type=Path, default=ORIGINAL / "classification_results_1000.csv")
    parser.add_argument("--enrol", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.enrol:
        import django

        django.setup()
        enrol(options.folder, options.names)
        return 0
    end_in_order_on_sigterm()
    facts = measured(different(options.folder, options.names), options.requests)
    print(machine.in_words(machine.description()), json.dumps(facts, indent=1), sep="\n\n")
    print(f"{AT_ONCE} at once: {facts['together_seconds']} s (the old service, on twenty machines: {OLD_SECONDS} s)")
    return 0 if facts["fine"] else 1


if __name__ == "__main__":
    sys.exit(main())
