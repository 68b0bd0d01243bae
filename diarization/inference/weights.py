"""Data files of installed packages, found without importing the package."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def package_file(package: str, name: str) -> Path:
    """The path of a file inside an installed package, such as `("silero_vad", "data/silero_vad.jit")`.

    Importing would cost (silero_vad pulls in torchaudio) or fail (resemblyzer needs webrtcvad, librosa and an old setuptools); for a dotted
    name the parents are imported, so name a top-level package. Raises FileNotFoundError if the package or the file is missing.
    """
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"{name} of the package {package} is not installed")
