"""Start the blocking baseline: `python -m benchmarks.blocking --port 9000 [--kinds faces] [--workers 2] [--threads 4] [--faces-at-once 1]`.

gunicorn, as the old services had it: with one thread its sync workers (garments, recordings), with more its gthread ones (faces). It serves
until Ctrl-C at FitSize's own addresses, any key or none, so that plans and clients for FitSize can be sent to it. `--faces-at-once 2` is
the service before it had its semaphore: threads inside dlib with pictures of different sizes corrupt memory, and the web process dies.
"""

from __future__ import annotations

import argparse
import os

from benchmarks.blocking.server import KINDS, command


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.blocking", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="what to serve; default: all three")
    parser.add_argument("--workers", type=int, default=2, help="web processes; each holds the models of faces and recordings")
    parser.add_argument("--threads", type=int, default=4, help="of each web process; 1: sync workers")
    parser.add_argument("--faces-at-once", type=int, default=1, help="threads of a web process in the face model; more crash it")
    parser.add_argument("--old-selfies", action="store_true", help="treat selfies as the old service did, not as FitSize does")
    options = parser.parse_args()
    started = command(options.port, options.kinds, options.workers, options.threads, options.faces_at_once, options.old_selfies)
    os.execv(started[0], started)  # noqa: S606 (no shell is wanted)


if __name__ == "__main__":
    main()
