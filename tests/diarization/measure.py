"""Time and memory of the offline pipeline: `python -m tests.diarization.measure 5 30 60` takes recordings of so many minutes.

They repeat the telephone call inside the pyannote.audio package. Prints CPU seconds per second of sound, and resident memory.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import wave
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fitsize.settings")

from diarization.inference.model import DiarizationModel
from diarization.inference.weights import package_file
from tasks.inference.model import Run


def megabytes(field: str) -> int:
    """`VmRSS` (now) or `VmHWM` (peak since the last reset) of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) // 1024


def repeated(minutes: float, path: Path) -> None:
    with wave.open(str(package_file("pyannote", "audio/sample/sample.wav"))) as sample, wave.open(str(path), "wb") as writer:
        writer.setparams(sample.getparams())
        sound = sample.readframes(sample.getnframes())
        for _ in range(round(minutes * 2)):
            writer.writeframes(sound)


def measure(model: DiarizationModel, minutes: float) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.wav"
        repeated(minutes, path)
        Path("/proc/self/clear_refs").write_text("5")
        before = time.process_time()
        with path.open("rb") as file:
            result = model.predict(Run(), file, num_speakers=2)
    seconds = time.process_time() - before
    share = seconds / result["duration_seconds"]
    return f"{minutes:6g} min: {share:.4f} CPU s per s, RSS {megabytes('VmRSS')} MB, peak {megabytes('VmHWM')} MB"


if __name__ == "__main__":
    loaded = DiarizationModel()
    loaded.load()
    print(f"loaded: RSS {megabytes('VmRSS')} MB")
    for argument in sys.argv[1:] or ["5"]:
        print(measure(loaded, float(argument)), flush=True)
