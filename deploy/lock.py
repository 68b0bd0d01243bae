"""Write requirements/*.lock from pyproject.toml: `make lock`.

pip resolves everything once (a dry run in the current environment: nothing is installed); each part is then what can be reached from its
roots, less what is asked for but not needed. Local version tags (`+cpu`) and the parts of a CUDA build are left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
TORCH = "torch==2.13.0"
PYTHONS = [{"python_version": "3.11", "python_full_version": "3.11.0"}, {"python_version": "3.12", "python_full_version": "3.12.0"}]

# Wanted for one file or one import, without what they ask for.
ALONE = {"diarization": ["resemblyzer==0.1.4"], "astronaut": ["scikit-image>=0.26,<0.27"], "reference": ["face_recognition==1.3.0"]}

# Held: redis asks for the first on Python 3.11.0 to 3.11.2 only; setuptools 81 drops pkg_resources, which face_recognition_models imports.
HELD = ["async-timeout>=4.0.3,<6", "setuptools>=77.0.3,<81"]

# Asked for but not needed: docs/decisions/0002-torch-apart-and-locks.md says why for each.
NOT_NEEDED = {
    "aiohttp",  # fsspec[http]
    "alembic",  # optuna's databases
    "grpcio",  # opentelemetry over gRPC
    "hf-xet",  # a faster download of what we never download
    "opentelemetry-exporter-otlp-proto-grpc",
    "pyannoteai-sdk",  # sends recordings to a company
    "pytorch-lightning",  # the same code as lightning, under its old name
    "pytorch-metric-learning",  # training only
    "sqlalchemy",  # optuna's databases
    "triton",
}
PARTS = {
    "web": ["web"],
    "keypoints": ["keypoints"],
    "faces": ["faces"],
    "diarization": ["diarization"],
    "demo": ["web", "keypoints", "faces", "diarization", "embedded", "astronaut"],
    "dev": ["dev", "reference"],
}


class Resolution:
    """Every package pip chose, by canonical name, with its version and its own requirements."""

    def __init__(self, items: Iterable[dict[str, Any]]) -> None:
        self.versions: dict[str, str] = {}
        self.requires: dict[str, list[Requirement]] = {}
        for item in items:
            name = canonicalize_name(item["metadata"]["name"])
            self.versions[name] = item["metadata"]["version"].partition("+")[0]
            self.requires[name] = [Requirement(line) for line in item["metadata"].get("requires_dist", [])]

    def reach(self, roots: Iterable[str]) -> set[str]:
        """Names of all packages that the roots lead to, on any of our Pythons."""
        names: set[str] = set()
        seen: set[tuple[str, str]] = set()
        waiting = [(Requirement(root), "") for root in roots]
        while waiting:
            requirement, extra = waiting.pop()
            name = canonicalize_name(requirement.name)
            if name in NOT_NEEDED or name not in self.versions or not applies(requirement, extra):
                continue
            names.add(name)
            for wanted in {"", *requirement.extras} - {extra for known, extra in seen if known == name}:
                seen.add((name, wanted))
                waiting += [(needed, wanted) for needed in self.requires[name]]
        return names


def applies(requirement: Requirement, extra: str) -> bool:
    linux = {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "extra": extra}
    return requirement.marker is None or any(requirement.marker.evaluate({**linux, **python}) for python in PYTHONS)


def report(*options: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-", *options]
    items: list[dict[str, Any]] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["install"]
    return items


def write(part: str, names: Iterable[str], versions: dict[str, str]) -> None:
    lines = [f"{name}=={versions[name]}\n" for name in sorted(names)]
    (ROOT / "requirements" / f"{part}.lock").write_text("".join(lines))
    print(f"  {part}.lock: {len(lines)} packages")


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base: list[str] = project["dependencies"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    print("resolving (nothing is installed) ...", flush=True)
    chosen = report(TORCH, *HELD, *base, *(line for lines in extras.values() for line in lines))
    alone = report("--no-deps", *(line for lines in ALONE.values() for line in lines))
    for item in alone:
        item["metadata"]["requires_dist"] = []
    resolution = Resolution([*chosen, *alone])

    everything: set[str] = set()
    for part, sources in PARTS.items():
        roots = [line for source in sources for line in [*extras.get(source, []), *ALONE.get(source, [])]]
        if part != "dev":
            roots += base
        names = resolution.reach(roots)
        everything |= names
        write(part, names, resolution.versions)
    write("all", everything, resolution.versions)


if __name__ == "__main__":
    main()
