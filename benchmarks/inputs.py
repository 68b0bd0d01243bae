"""What a load test sends: `python -m benchmarks.inputs var/load [--seconds 15]`.

Writes garment.jpg (rendered here, with a scale sheet), selfie.jpg and reference.jpg (the astronaut out of scikit-image, the second one
cropped), all of them 1280 pixels at their longest side, and recording.wav (out of the sample of pyannote.audio, from its first words on).
"""

from __future__ import annotations

import argparse
import sys
import wave
from collections.abc import Collection
from pathlib import Path

from PIL import Image

from fitsize.demo_visit import package_file, rendered_garment

SIDE = 1280
FIRST_WORDS_SECONDS = 6.0
NAMES = ("garment.jpg", "selfie.jpg", "reference.jpg", "recording.wav")


def write_inputs(folder: Path, names: Collection[str] = NAMES, seconds: float = 15.0) -> None:
    """These files at least, the same bytes each time; a garment takes seconds to render."""
    folder.mkdir(parents=True, exist_ok=True)
    if "garment.jpg" in names:
        with Image.open(rendered_garment(folder)) as garment:
            save(garment, folder / "garment.jpg")
    with Image.open(package_file("skimage", "data", "astronaut.png")) as selfie:
        save(selfie, folder / "selfie.jpg")
        save(selfie.crop((40, 0, 440, 400)), folder / "reference.jpg")
    shorten(package_file("pyannote", "audio", "sample", "sample.wav"), folder / "recording.wav", seconds)


def save(picture: Image.Image, path: Path) -> None:
    scale = SIDE / max(picture.size)
    size = round(picture.width * scale), round(picture.height * scale)
    picture.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(path, quality=90)


def shorten(recording: Path, path: Path, seconds: float) -> None:
    """So many seconds of a WAV, from the first words on."""
    with wave.open(str(recording)) as whole, wave.open(str(path), "wb") as part:
        part.setparams(whole.getparams())
        whole.setpos(round(FIRST_WORDS_SECONDS * whole.getframerate()))
        part.writeframes(whole.readframes(round(seconds * whole.getframerate())))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inputs", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=15.0, help="of the recording; 24 at most")
    options = parser.parse_args()
    write_inputs(options.folder, seconds=options.seconds)
    print("\n".join(str(options.folder / name) for name in NAMES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
