"""Each benchmark starts as its first line says, from a shell in which nothing is set up."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
SOURCES = [path for path in sorted([*FOLDER.glob("*.py"), *FOLDER.glob("*/__main__.py")]) if "ArgumentParser(" in path.read_text()]


def named(path: Path) -> str:
    """`benchmarks.aborts`, of its `__main__.py` too."""
    return ".".join(path.relative_to(FOLDER.parent).with_suffix("").parts).removesuffix(".__main__")


@pytest.mark.parametrize("name", [named(path) for path in SOURCES])
def test_a_benchmark_tells_how_it_is_used(name: str) -> None:
    environment = {variable: value for variable, value in os.environ.items() if variable != "DJANGO_SETTINGS_MODULE"}
    said = subprocess.run([sys.executable, "-m", name, "--help"], capture_output=True, text=True, env=environment, cwd=FOLDER.parent)
    assert re.match(r"usage: .*\n", said.stdout), said.stderr
