"""torchaudio beside a CPU-only torch.

PyPI's torchaudio is linked against CUDA: importing it loads `_torchaudio.abi3.so`, which raises OSError where CUDA's libraries are missing.
pyannote.audio needs only the Python part (resampling, filter banks), and torchaudio itself knows a build without the compiled one.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn


def ensure_torchaudio() -> None:
    """Make `import torchaudio` work in this process. Does nothing where it works by itself."""
    try:
        importlib.import_module("torchaudio")
    except OSError:
        forget("torchaudio")
        sys.modules["torchaudio._extension"] = no_extension()
        importlib.import_module("torchaudio")


def forget(package: str) -> None:
    """Drop what a failed import has left half made."""
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]


def no_extension() -> ModuleType:
    """What `torchaudio._extension` says of itself in a build without compiled parts."""
    module = ModuleType("torchaudio._extension")
    facts: dict[str, Any] = {
        "__path__": [],  # a package in torchaudio: its submodules must not be looked up elsewhere
        "_IS_TORCHAUDIO_EXT_AVAILABLE": False,
        "_IS_ALIGN_AVAILABLE": False,
        "_check_cuda_version": lambda: None,
        "fail_if_no_align": unavailable,
    }
    vars(module).update(facts)
    return module


def unavailable(function: Callable[..., Any]) -> Callable[..., NoReturn]:
    """Replace a function of the compiled part by one that says so when called."""

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise RuntimeError(f"{function.__name__} needs torchaudio's compiled extension")

    return refuse
