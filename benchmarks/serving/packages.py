"""The virtual environment of LitServe and BentoML: made at the first run from requirements.lock, and again when that changes."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.engine import FOLDER
from benchmarks.serving.lock import LOCK

VENV = FOLDER / "serving-venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "made-from"
NAMES = ("litserve", "bentoml", "fastapi", "starlette", "uvicorn", "uvloop", "pydantic", "pyzmq")


def made_from() -> str:
    """All that it depends on."""
    return f"{sys.version}\n{LOCK.read_text()}"


def installed() -> bool:
    return STAMP.exists() and STAMP.read_text() == made_from()


def install() -> None:
    """From whatever registry pip is told to use. Raises CalledProcessError if one of the packages is not there or has another hash."""
    if installed():
        return
    print(f"making {VENV} ...", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    options = ("-qq", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement", str(LOCK))
    subprocess.run([PYTHON, "-m", "pip", "install", *options], check=True)
    STAMP.write_text(made_from())


def versions() -> dict[str, str]:
    code = f"import importlib.metadata as m, json; print(json.dumps({{name: m.version(name) for name in {NAMES!r}}}))"
    done = subprocess.run([PYTHON, "-c", code], check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found
