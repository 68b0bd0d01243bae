"""How long a worker takes to find a face among many people: `python -m benchmarks.gallery [PEOPLE]`.

Made templates, as the search does not care whose they are. Process time of one thread, which is what the search costs a worker; the memory
is that of the matrix and what stands beside it.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fitsize.settings")

import statistics
import sys
import time
from argparse import ArgumentParser
from uuid import UUID

import django
import numpy as np
import psutil

django.setup()

from faces.inference.gallery import Crowd, Known  # noqa: E402 (Django first)

SEARCHES = 100


def crowd_of(people: int) -> Crowd:
    drawn = np.random.default_rng(1)
    means = drawn.normal(size=(people, 128)).astype(np.float32) / np.sqrt(128, dtype=np.float32)
    crowd = Crowd()
    for number, mean in enumerate(means):
        crowd.put(Known(UUID(int=number), f"person {number}", UUID(int=number), mean.copy(), 1, 120.0))
    return crowd


def main() -> None:
    options = ArgumentParser(description=__doc__)
    options.add_argument("people", nargs="?", type=int, default=100_000)
    people = options.parse_args().people
    before = psutil.Process().memory_info().rss
    crowd = crowd_of(people)
    held = psutil.Process().memory_info().rss - before
    drawn = np.random.default_rng(2)
    cpu, wall = [], []
    for _ in range(SEARCHES):
        probe = crowd.means[drawn.integers(people)] + drawn.normal(size=128).astype(np.float32) * 0.03
        started, began = time.process_time(), time.perf_counter()
        found = crowd.nearest(probe)
        cpu.append((time.process_time() - started) * 1000)
        wall.append((time.perf_counter() - began) * 1000)
        assert found[0][0] < found[1][0]
    p95 = sorted(cpu)[int(0.95 * SEARCHES)]
    print(
        f"{people} people: {statistics.median(cpu):.1f} ms of CPU a search (p95 {p95:.1f}), {statistics.median(wall):.1f} ms by the clock"
    )
    print(
        f"{held / 1e6:.0f} MB held, load of the machine {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}, numpy {np.__version__}"
    )


if __name__ == "__main__":
    main()
