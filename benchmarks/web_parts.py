"""The web's milliseconds by part, in a hot loop in one process: `python -m benchmarks.web_parts [--repeats 300]`.

The project's own functions on a real SQLite file (synchronous=FULL), a real disk and a real Redis. In place each part costs about
twice as much: benchmarks/README.md says why.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.report import table

FOLDER = Path(__file__).resolve().parent.parent / "var" / "benchmarks"
WARM_UP = 20


@dataclass(frozen=True)
class Cost:
    """Mean milliseconds per call: by the clock, and of CPU."""

    wall: float
    cpu: float


def timed(action: Callable[[], object], repeats: int) -> Cost:
    for _ in range(WARM_UP):
        action()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        action()
    return Cost((time.perf_counter() - wall) * 1000 / repeats, (time.process_time() - cpu) * 1000 / repeats)


@contextmanager
def project() -> Iterator[None]:
    """The project set up in this process, on a database and a broker of its own."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=FOLDER, prefix="parts-") as folder:
        os.environ |= {
            "FITSIZE_DATA": folder,
            "BROKER_URL": f"redis+socket://{folder}/redis.sock",
            "DJANGO_SETTINGS_MODULE": "tests.settings",
        }
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        with broker(Path(folder)):
            yield


@contextmanager
def broker(folder: Path) -> Iterator[None]:
    from fitsize.broker import server_binary

    binary, path = server_binary(), folder / "redis.sock"
    assert binary, "the parts need a real Redis"
    command = [str(binary), "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while not path.exists():
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web_parts", description=__doc__)
    parser.add_argument("--repeats", type=int, default=300)
    repeats = parser.parse_args().repeats
    print(f"load average: {' '.join(f'{value:.2f}' for value in os.getloadavg())}; {repeats} calls each, 40 KB of base64, 28 jobs queued\n")
    with project():
        from benchmarks.parts import Parts

        parts = Parts()
        rows = [["part", "ms by the clock", "CPU ms"]]
        for name, action in parts.all():
            cost = timed(action, repeats)
            parts.reset()
            rows.append([name, f"{cost.wall:.3f}", f"{cost.cpu:.3f}"])
        print(table(rows))


if __name__ == "__main__":
    main()
