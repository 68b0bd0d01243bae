"""`os.abort()` in the face worker while 30 callers ask: `python -m benchmarks.aborts [--seconds 180] [--clients 30] [--every 100]`.

A whole FitSize with one face worker, whose process aborts with every hundredth job. The callers are threads of one real client program;
each sends one of eight pictures, or two of them, waits for the result and compares it with what the model finds when nothing else goes on.
It is fine (exit code 0) if nothing was answered 5xx but 503 with `Retry-After`, no answer was another picture's, every job succeeded, and
each abort has cost one attempt of one job.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from PIL import Image

from benchmarks import machine
from benchmarks.aborts import COUNT, EVERY
from benchmarks.engine import FOLDER
from benchmarks.processes import end_in_order_on_sigterm
from fitsize.demo_visit import package_file
from tests.stack import Stack

PICTURES = 8
PAIRS = 0.2  # of the requests
PATIENCE_SECONDS = 120.0
SAME = 1e-3  # of a distance: the encoder's arithmetic need not be the same to the last digit
Picture = tuple[int, bytes]
Right = Mapping[tuple[int, ...], Any]


@dataclass
class Seen:
    """By all callers. `trouble` is what must not be."""

    answers: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, status: int) -> None:
        with self.lock:
            self.answers[status] += 1

    def wrong(self, what: str) -> None:
        with self.lock:
            self.trouble.append(what)


def pictures() -> list[bytes]:
    """The same person each time, elsewhere and of another size in each."""
    with Image.open(package_file("skimage", "data", "astronaut.png")) as picture:
        whole = picture.convert("RGB")
    files = []
    for number in range(PICTURES):
        part = whole.crop((8 * number, 4 * number, 400 + 12 * number, 400 + 8 * number))
        file = io.BytesIO()
        part.resize((640, 640 * part.height // part.width)).save(file, "JPEG", quality=92)
        files.append(file.getvalue())
    return files


def told(result: Mapping[str, Any]) -> Any:
    """What is compared: the faces of one picture, or the distance of two."""
    return result["distance"] if "distance" in result else result["faces"]


def equal(found: Any, right: Any) -> bool:
    return abs(found - right) < SAME if isinstance(right, float) else bool(found == right)


def alone(files: list[bytes]) -> dict[tuple[int, ...], Any]:
    """What the model says of each picture and each pair, in this process and thread."""
    from faces.inference.model import FaceModel
    from tasks.inference.model import Run

    model = FaceModel()
    model.load()
    right: dict[tuple[int, ...], Any] = {
        (number,): told(model.validate(Run(), selfie=io.BytesIO(file))) for number, file in enumerate(files)
    }
    assert len({json.dumps(each) for each in right.values()}) == len(files), "pictures that cannot be told apart"
    for first, second in pairs():
        result = model.verify(Run(), selfie=io.BytesIO(files[first]), reference=io.BytesIO(files[second]))
        right[first, second] = told(result)
    return right


def pairs() -> list[tuple[int, int]]:
    return [(number, (number + 3) % PICTURES) for number in range(PICTURES)]


class Caller:
    """One thread of the client program."""

    def __init__(self, stack: Stack, files: list[bytes], right: Right, seen: Seen, seed: int) -> None:
        self.http = httpx.Client(base_url=f"http://{stack.bind}", headers=stack.headers, timeout=PATIENCE_SECONDS, trust_env=False)
        self.files, self.right, self.seen = files, right, seen
        self.choice = random.Random(seed)

    def call_until(self, end: float) -> None:
        with self.http:
            while time.monotonic() < end:
                chosen = self.chosen()
                try:
                    self.call(chosen)
                except (httpx.HTTPError, KeyError, ValueError) as error:
                    self.seen.wrong(f"{chosen}: {type(error).__name__} {error}")

    def chosen(self) -> tuple[int, ...]:
        pair = self.choice.random() < PAIRS
        return self.choice.choice(pairs()) if pair else (self.choice.randrange(PICTURES),)

    def call(self, chosen: tuple[int, ...]) -> None:
        names = ("selfie", "reference")[: len(chosen)]
        files = {name: self.files[number] for name, number in zip(names, chosen, strict=True)}
        began = time.monotonic()
        job = self.asked("POST", f"/api/v1/faces/{'verify' if len(chosen) == 2 else 'validate'}", files=files)
        while job and job["state"] in ("queued", "running") and time.monotonic() - began < PATIENCE_SECONDS:
            job = self.asked("GET", job["links"]["self"]) or job
        if not job:
            return
        if job["state"] != "succeeded" or not equal(told(job["result"]), self.right[chosen]):
            self.seen.wrong(f"{chosen}: {job['state']} {job['error']} {told(job['result'] or {'faces': None})}")
        self.seen.seconds.append(time.monotonic() - began)

    def asked(self, method: str, path: str, **body: Any) -> dict[str, Any] | None:
        """The job; None where the service says to come again, after that time."""
        answer = self.http.request(method, path, headers={"Prefer": "wait=20"}, **body)
        self.seen.answered(answer.status_code)
        if answer.status_code in (200, 202):
            document: dict[str, Any] = answer.json()
            return document
        if answer.status_code != 503 or "Retry-After" not in answer.headers:
            self.seen.wrong(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        time.sleep(float(answer.headers.get("Retry-After", 1)))
        return None


@contextmanager
def running(every: int) -> Iterator[Stack]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    environment = {"INFERENCE_KINDS": "benchmarks.aborts.kind.KIND", EVERY: str(every), "GUNICORN_WORKERS": "2"}
    with (
        TemporaryDirectory(dir=FOLDER, prefix="aborts-") as folder,
        Stack(Path(folder), workers=("faces",), environment=environment) as stack,
    ):
        yield stack


def hammered(clients: int, seconds: float, every: int) -> dict[str, Any]:
    files, seen = pictures(), Seen()
    right = alone(files)
    with running(every) as stack:
        end = time.monotonic() + seconds
        callers = [Caller(stack, files, right, seen, seed) for seed in range(clients)]
        crowd = [threading.Thread(target=caller.call_until, args=(end,)) for caller in callers]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()
        return account(stack, seen, every)


def account(stack: Stack, seen: Seen, every: int) -> dict[str, Any]:
    aborts = (stack.folder / COUNT).stat().st_size // every
    states = dict(stack.select("SELECT state, count(*) FROM tasks_job GROUP BY state"))
    [(charged, most, strange)] = stack.select(
        "SELECT sum(crashes), max(crashes), count(CASE WHEN attempts <> 1 + crashes OR losses > 0 THEN 1 END) FROM tasks_job"
    )
    fine = not seen.trouble and set(states) == {"succeeded"} and charged == aborts and most <= 1 and not strange and aborts > 0
    cuts = statistics.quantiles(seen.seconds, n=20, method="inclusive")
    facts = {"states": states, "aborts": aborts, "crashes_charged": charged, "most_of_one_job": most, "jobs_charged_otherwise": strange}
    times = {"p50_seconds": round(cuts[9], 2), "p95_seconds": round(cuts[18], 2), "longest_seconds": round(max(seen.seconds), 2)}
    return {"fine": fine, **facts, "answers": dict(seen.answers), **times, "trouble": len(seen.trouble), "examples": seen.trouble[:10]}


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fitsize.settings")
    import django

    django.setup()
    end_in_order_on_sigterm()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.aborts", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--every", type=int, default=100, help="the so-many-th job aborts; 2 at least")
    options = parser.parse_args()
    facts = hammered(options.clients, options.seconds, options.every)
    print(machine.in_words(machine.description()), json.dumps(facts, indent=1), sep="\n\n")
    return 0 if facts["fine"] else 1


if __name__ == "__main__":
    sys.exit(main())
