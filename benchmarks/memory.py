"""The memory of the web processes: `python -m benchmarks.memory [--web-processes 1] [--submits 1000]`.

PSS before and after many submits of pictures of 100 KB, and the peaks of large uploads, alone and many at once. The exit code is 1 if a
process has more than 120 MB afterwards, if the 500 MB upload adds more than 20 MB to it, or many uploads at once more than 250. MB are
10^6 bytes.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from benchmarks.client import drive
from benchmarks.engine import FINE, Configuration, load_of, running_stack
from benchmarks.pictures import noisy_jpeg
from benchmarks.processes import end_in_order_on_sigterm, groups, high_water, memory, reset_high_water, settled, watched
from benchmarks.report import table
from tests.stack import Stack

MOST_PSS = 120.0
MOST_ADDED = 20.0
MOST_ADDED_TOGETHER = 250.0
PICTURE_BYTES = 100_000
LARGE_PICTURE_BYTES = 25_000_000
SMALL_PICTURE_BYTES = 900_000
RECORDING_BYTES = 500_000_000
CHUNK = bytes(1 << 20)
BOUNDARY = "fitsize-benchmark"
PATH = "/api/v1/fakes/burn"


def submits(stack: Stack, count: int) -> bool:
    """Many pictures by 30 clients; prints each process before and after. True if all stay below the limit."""
    rows = [["PSS of each web process, MB", "before", f"after {count} submits by 30 clients", "limit"]]
    pids = groups(stack)["web"]
    before = [memory(pid).pss for pid in pids]
    body = json.dumps({"image": base64.b64encode(noisy_jpeg(PICTURE_BYTES)).decode(), "milliseconds": 1})
    load = replace(load_of(stack, Configuration("", 30, count, 1), count), body=body)
    seen = drive(load)
    assert seen.answers == {FINE: count}, seen.answers
    after = [memory(pid).pss for pid in pids]
    for number, (first, last) in enumerate(zip(before, after, strict=True)):
        rows.append([process_name(number), f"{first:.1f}", f"{last:.1f}", f"{MOST_PSS:.0f}"])
    print(table(rows), end="\n\n")
    return max(after) <= MOST_PSS


def process_name(number: int) -> str:
    return f"gunicorn worker {number}" if number else "gunicorn master"


def upload(stack: Stack, name: str, content_type: str, size: int, body: Callable[[], Iterable[bytes]], at_once: int = 1) -> float:
    """Large uploads at once; prints the peak and gives the RSS they added to the process that took most of them, in MB."""
    pids = groups(stack)["web"]
    for pid in pids:
        reset_high_water(pid)
    with watched(pids) as peaks, ThreadPoolExecutor(at_once) as clients:
        answers = list(clients.map(lambda _: post(stack, content_type, size, body()), range(at_once)))
        settled(0.3)
    for status, document in answers:
        assert status == 202, document
        stack.ended(document)
    worker = max(range(len(pids)), key=lambda number: high_water(pids[number]) - peaks[number].before.rss)
    peak = peaks[worker]
    added = high_water(pids[worker]) - peak.before.rss
    pss = f"PSS {peak.before.pss:.1f} -> at most {peak.most.pss:.1f}"
    print(
        f"{name}, {process_name(worker)}: RSS {peak.before.rss:.1f} -> at most {high_water(pids[worker]):.1f} MB (+{added:.1f}); {pss} MB"
    )
    return added


def post(stack: Stack, content_type: str, size: int, body: Iterable[bytes]) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection(stack.bind, timeout=120)
    headers = {**stack.headers, "Content-Type": content_type, "Content-Length": str(size)}
    connection.request("POST", PATH, body, headers)
    answer = connection.getresponse()
    document: dict[str, object] = json.loads(answer.read())
    connection.close()
    return answer.status, document


def large_recording(stack: Stack) -> float:
    head = part("audio", "long.wav") + wav_header(RECORDING_BYTES)
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()
    zeros = RECORDING_BYTES - len(wav_header(0))
    size = len(head) + zeros + len(tail)
    return upload(stack, "500 MB multipart", f"multipart/form-data; boundary={BOUNDARY}", size, lambda: recording(head, zeros, tail))


def part(name: str, filename: str) -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"'
    return f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: audio/x-wav\r\n\r\n".encode()


def recording(head: bytes, zeros: int, tail: bytes) -> Iterator[bytes]:
    """Made while it is sent: silence is never in memory whole."""
    yield head
    while zeros > 0:
        yield CHUNK[:zeros]
        zeros -= len(CHUNK)
    yield tail


def wav_header(size: int) -> bytes:
    """Of a file of this many bytes in all: 16 bit, stereo, 48 kHz."""
    form = struct.pack("<HHIIHH", 1, 2, 48_000, 48_000 * 4, 4, 16)
    return (
        b"RIFF"
        + struct.pack("<I", max(size - 8, 0))
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", max(size - 44, 0))
    )


def large_pictures(stack: Stack) -> float:
    """One, then 16 at once; gives what the 16 added."""
    body = json.dumps({"image": base64.b64encode(noisy_jpeg(LARGE_PICTURE_BYTES)).decode(), "milliseconds": 1}).encode()
    upload(stack, "25 MB picture as base64", "application/json", len(body), lambda: [body])
    return upload(stack, "16 of those at once", "application/json", len(body), lambda: [body], at_once=16)


def small_pictures(stack: Stack) -> float:
    """Below what is spooled to the disk: they are in memory while they arrive."""
    picture = part("image", "a.jpg") + noisy_jpeg(SMALL_PICTURE_BYTES) + f"\r\n--{BOUNDARY}--\r\n".encode()
    form = f"multipart/form-data; boundary={BOUNDARY}"
    return upload(stack, "64 multipart pictures of 0.9 MB at once", form, len(picture), lambda: [picture], at_once=64)


def main() -> int:
    end_in_order_on_sigterm()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--web-processes", type=int, default=1)
    parser.add_argument("--submits", type=int, default=1000)
    options = parser.parse_args()
    print(f"load average: {' '.join(f'{value:.2f}' for value in os.getloadavg())}; {options.web_processes} web process(es)\n")
    with running_stack(GUNICORN_WORKERS=str(options.web_processes)) as stack:
        small_enough = submits(stack, options.submits)
        added = large_recording(stack)
        together = max(large_pictures(stack), small_pictures(stack))
    print(f"\n{MOST_PSS:.0f} MB PSS after the submits: {word(small_enough)}")
    print(f"at most {MOST_ADDED:.0f} MB more by the 500 MB upload: {word(added <= MOST_ADDED)}")
    print(f"at most {MOST_ADDED_TOGETHER:.0f} MB more by many uploads at once: {word(together <= MOST_ADDED_TOGETHER)}")
    return 0 if small_enough and added <= MOST_ADDED and together <= MOST_ADDED_TOGETHER else 1


def word(holds: bool) -> str:
    return "holds" if holds else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
