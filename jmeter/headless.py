"""JMeter without its window: one plan, its properties, its results."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from jmeter.home import LAUNCHER, home, java
from jmeter.plans import RECORDED

# What JMeter's own start script opens to it on Java 17.
OPENED = ("java.base/java.lang", "java.base/java.lang.invoke", "java.base/java.lang.reflect", "java.base/java.text", "java.base/java.util")
SETTINGS = {
    "sample_variables": ",".join(RECORDED),
    "jmeter.save.saveservice.output_format": "csv",
    "jmeter.save.saveservice.autoflush": "true",  # else a run that is stopped loses its last lines
}


def start(plan: Path, folder: Path, properties: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Run a plan; `results(folder)` fills meanwhile. Its exit code is 0 whatever fails: read the results. Raises jmeter.home.NotThere."""
    knobs = folder / "knobs.properties"  # in a file, since command lines are for everybody to read and the key is among them
    knobs.touch(mode=0o600)
    knobs.write_text("".join(f"{name}={escaped(value)}\n" for name, value in {**SETTINGS, **properties}.items()))
    opened = [word for package in OPENED for word in ("--add-opens", f"{package}=ALL-UNNAMED")]
    command = [java(), *opened, "-Xms256m", "-Xmx1g", "-Djava.awt.headless=true", "-jar", str(home() / LAUNCHER), "-n", "-t", str(plan)]
    command += ["-l", str(results(folder)), "-j", str(folder / "jmeter.log"), "-q", str(knobs)]
    with (folder / "jmeter.out").open("wb") as output:
        return subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)


def escaped(value: str) -> str:
    """As a Java properties file wants it."""
    return "".join(letter if letter.isascii() and letter != "\\" else f"\\u{ord(letter):04x}" for letter in value)


def results(folder: Path) -> Path:
    return folder / "results.jtl"


def complaints(folder: Path) -> list[str]:
    """The errors in JMeter's own log: of the plan, not of the service."""
    log = folder / "jmeter.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return [line for line in lines if " ERROR " in line or " WARN o.a.j.c.IfController" in line]
