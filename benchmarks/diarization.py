"""What a recording costs in its worker: `python -m benchmarks.diarization [--minutes 5 30 60 240] [--jobs 200] [--json FILE] [--plot SVG]`.

Each length in a process of its own, which loads the model, hears a recording of so many minutes from the disk and says what that took: CPU
of the process (decoding, voice activity, embedding, clustering, checkpoints), its memory afterwards and at most. One torch thread. Another
process runs `--jobs` recordings of 15 seconds, one after the other. The recordings are the telephone call inside the pyannote.audio
package again and again, each time with another pitch and level. MB are 10^6 bytes. The exit code is 1 if a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
import wave
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import django
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import machine
from benchmarks.engine import FOLDER
from benchmarks.processes import high_water, memory, reset_high_water
from benchmarks.report import table

MOST_CPU = 0.012  # s per second of sound
MOST_MEGABYTES = {5.0: 750.0, 240.0: 1200.0}  # resident at most, by minutes
MOST_RATIO = 1.2  # of the longest recording's peak to that of half an hour, without its embeddings
MOST_GROWTH = 0.05  # of the process in so many jobs, after the first tenth of them
SHORT_MINUTES = 0.25
RATE = 16_000
PITCHES = (0.9, 0.97, 1.0, 1.06, 1.13)


def write_recording(path: Path, minutes: float) -> None:
    """16-bit WAV at 16 kHz; the same for the same length."""
    from diarization.inference.weights import package_file

    with wave.open(str(package_file("pyannote", "audio/sample/sample.wav"))) as call:
        sound = np.frombuffer(call.readframes(call.getnframes()), "<i2").astype(np.float32)
    random, left = np.random.default_rng(0), round(minutes * 60 * RATE)
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        while left > 0:
            places = np.arange(0, len(sound) - 1, random.choice(PITCHES))
            spoken = np.interp(places, np.arange(len(sound)), sound) * random.uniform(0.5, 1.0)
            writer.writeframes(spoken[:left].astype("<i2").tobytes())
            left -= len(spoken)


class Worker:
    """The model as a worker's child holds it."""

    def __init__(self) -> None:
        warnings.simplefilter("ignore")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fitsize.settings")
        django.setup()
        from diarization.inference.model import DiarizationModel

        self.model = DiarizationModel()
        self.model.load()

    def hear(self, path: Path) -> dict[str, Any]:
        """CPU seconds, memory in MB before, after and at most, and what the result says of itself."""
        from tasks.inference.model import Run

        loaded, run = memory(os.getpid()).rss, Run()
        reset_high_water(os.getpid())
        begin = time.process_time()
        with path.open("rb") as file:
            result = self.model.predict(run, file, num_speakers=2)
        seconds = time.process_time() - begin
        return {
            "cpu_seconds": seconds,
            "cpu_per_second": seconds / result["duration_seconds"],
            "seconds": result["duration_seconds"],
            "timings_ms": result["timings_ms"],
            "speech_ratio": result["speech_ratio"],
            "heard_mb": len(run.files["heard"]) / 1e6,
            "loaded_mb": loaded,
            "rss_mb": memory(os.getpid()).rss,
            "peak_mb": high_water(os.getpid()),
        }


def one_recording(minutes: float, folder: Path) -> dict[str, Any]:
    write_recording(folder / "recording.wav", minutes)
    return {"minutes": minutes, **Worker().hear(folder / "recording.wav")}


def many_jobs(jobs: int, folder: Path) -> dict[str, Any]:
    """Memory after each of many short recordings."""
    write_recording(folder / "short.wav", SHORT_MINUTES)
    worker = Worker()
    return {"rss_mb": [worker.hear(folder / "short.wav")["rss_mb"] for _ in range(jobs)]}


def in_a_process(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.diarization", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}  # as workers are started
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts


def measured(minutes: list[float], jobs: int) -> dict[str, Any]:
    facts: dict[str, Any] = {"machine": machine.description(), "recordings": []}
    for length in minutes:
        facts["recordings"].append(in_a_process("--child", "recording", "--minutes", str(length)))
        print(row(facts["recordings"][-1]), flush=True)
    facts["jobs"] = in_a_process("--child", "jobs", "--jobs", str(jobs)) if jobs else {"rss_mb": []}
    return facts


def growth(memories: list[float]) -> float:
    """From the end of the first tenth of the jobs to the last, as a share; 0 where there are too few."""
    settled = len(memories) // 10
    return memories[-1] / memories[settled] - 1 if len(memories) > settled + 1 else 0.0


def missed(facts: dict[str, Any]) -> list[str]:
    """What is dearer than it may be."""
    found = []
    by_minutes = {recording["minutes"]: recording for recording in facts["recordings"]}
    for minutes, recording in by_minutes.items():
        if minutes >= 5 and recording["cpu_per_second"] > MOST_CPU:
            found.append(f"{minutes:g} minutes: {recording['cpu_per_second']:.4f} CPU s per second, at most {MOST_CPU}")
        if recording["peak_mb"] > (most := MOST_MEGABYTES.get(minutes, MOST_MEGABYTES[240.0])):
            found.append(f"{minutes:g} minutes: {recording['peak_mb']:.0f} MB, at most {most:.0f}")
    if 30.0 in by_minutes and (longest := max(by_minutes)) > 30:
        most = MOST_RATIO * by_minutes[30.0]["peak_mb"] + by_minutes[longest]["heard_mb"]
        if by_minutes[longest]["peak_mb"] > most:
            found.append(f"{longest:g} minutes: {by_minutes[longest]['peak_mb']:.0f} MB, at most {most:.0f} beside 30 minutes")
    if (grown := growth(facts["jobs"]["rss_mb"])) > MOST_GROWTH:
        found.append(f"{len(facts['jobs']['rss_mb'])} jobs: {100 * grown:.1f} % more memory, at most {100 * MOST_GROWTH:.0f} %")
    return found


HEADER = ["minutes", "CPU s per s", "decoding", "speech", "voices", "speakers, wall s", "loaded, MB", "after", "at most", "heard"]


def row(recording: dict[str, Any]) -> list[str]:
    seconds = [f"{milliseconds / 1000:.1f}" for milliseconds in recording["timings_ms"].values()]
    megabytes = [f"{recording[name]:.0f}" for name in ("loaded_mb", "rss_mb", "peak_mb", "heard_mb")]
    return [f"{recording['minutes']:g}", f"{recording['cpu_per_second']:.4f}", *seconds, *megabytes]


def text(facts: dict[str, Any]) -> str:
    memories = facts["jobs"]["rss_mb"]
    grown = f"{len(memories)} jobs of 15 s: {memories[0]:.0f} to {memories[-1]:.0f} MB, {100 * growth(memories):+.1f} %" if memories else ""
    return "\n\n".join([machine.in_words(facts["machine"]), table([HEADER, *map(row, facts["recordings"])]), grown])


def drawn(facts: dict[str, Any], path: Path) -> None:
    """CPU and memory by length, and memory over many jobs."""
    recordings = facts["recordings"]
    minutes = [recording["minutes"] for recording in recordings]
    with mpl.rc_context({"svg.hashsalt": "fitsize", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(10, 3.2), layout="constrained", facecolor="white")
        cpu, resident, jobs = figure.subplots(1, 3)
        line(cpu, minutes, [recording["cpu_per_second"] for recording in recordings], "CPU s per second of sound", MOST_CPU)
        line(resident, minutes, [recording["peak_mb"] for recording in recordings], "peak memory, MB", MOST_MEGABYTES[240.0])
        cpu.set_xlabel("minutes of sound")
        resident.set_xlabel("minutes of sound")
        line(jobs, list(range(1, len(facts["jobs"]["rss_mb"]) + 1)), facts["jobs"]["rss_mb"], "memory, MB", None)
        jobs.set_xlabel("recordings of 15 s, one after the other")
        figure.savefig(path, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))


def line(axes: Axes, places: list[float] | list[int], values: list[float], title: str, limit: float | None) -> None:
    axes.plot(places, values, marker="o" if len(places) < 20 else None, color="#0072b2")
    if limit is not None:
        axes.axhline(limit, color="#d55e00", linestyle="--", linewidth=1, label="limit")
        axes.legend(frameon=False)
    axes.set_title(title, fontsize=9)
    axes.set_ylim(bottom=0)


def child(what: str, minutes: float, jobs: int) -> int:
    with TemporaryDirectory(prefix="diarization-") as folder:
        facts = one_recording(minutes, Path(folder)) if what == "recording" else many_jobs(jobs, Path(folder))
    print(json.dumps(facts))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diarization", description=__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=[5.0, 30.0, 60.0, 240.0])
    parser.add_argument("--jobs", type=int, default=200, help="0: none")
    parser.add_argument("--json", type=Path, help="default: var/benchmarks/diarization-<date>.json")
    parser.add_argument("--plot", type=Path, help="an SVG; default: beside the JSON")
    parser.add_argument("--child", choices=["recording", "jobs"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        return child(chosen.child, chosen.minutes[0], chosen.jobs)
    FOLDER.mkdir(parents=True, exist_ok=True)
    facts = measured(chosen.minutes, chosen.jobs)
    short = missed(facts)
    file = chosen.json or FOLDER / f"diarization-{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    file.write_text(json.dumps(facts, indent=1))
    drawn(facts, chosen.plot or file.with_suffix(".svg"))
    print("\n\n".join([text(facts), "\n".join(short) or "all limits hold", f"written to {file}"]))
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
