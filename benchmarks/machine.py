"""What a figure was measured on, and how busy that machine was with other things."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("django", "djangorestframework", "celery", "kombu", "redis", "hiredis", "gunicorn", "uvicorn", "uvloop", "httptools")


def description() -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in PACKAGES},
    }


def cpu_model() -> str:
    facts = Path("/proc/cpuinfo").read_text()
    names = re.findall(r"^model name\s*: (.*)$", facts, re.MULTILINE)
    clock = re.findall(r"^cpu MHz\s*: (\d+)", facts, re.MULTILINE)
    return f"{names[0] if names else platform.machine()}{f', {clock[0]} MHz' if clock else ''}"


def in_words(facts: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in facts["packages"].items())
    load = " ".join(f"{value:.2f}" for value in facts["load_average"])
    return (
        f"{facts['date']}  {facts['cpu']}, {facts['cores']} cores, load average before: {load}\n"
        f"{facts['system']}, Python {facts['python']}, SQLite {facts['sqlite']}, {packages}"
    )
