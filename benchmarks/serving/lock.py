"""Write requirements.lock, the packages of LitServe and BentoML: `python -m benchmarks.serving.lock`.

pip resolves once for this interpreter (a dry run: nothing is installed), then takes the same versions for each Python and machine that the
project has, so that the lock holds the hash of each file that may be installed. No package is built from source.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.utils import canonicalize_name

from deploy.lock import report

PEERS = ("litserve==0.2.19", "bentoml==1.4.39")
LOCK = Path(__file__).resolve().parent / "requirements.lock"
PYTHONS = ("3.11", "3.12")
MACHINES = ("x86_64", "aarch64")
MANYLINUX = (*(f"manylinux_2_{number}" for number in range(17, 29)), "manylinux2014")


def files() -> Iterator[dict[str, Any]]:
    """What pip would install, for each Python and machine."""
    chosen = report("--only-binary", ":all:", *PEERS)
    versions = [f"{item['metadata']['name']}=={item['metadata']['version']}" for item in chosen]
    yield from chosen
    with TemporaryDirectory() as folder:
        for python in PYTHONS:
            for machine in MACHINES:
                platforms = [word for name in MANYLINUX for word in ("--platform", f"{name}_{machine}")]
                print(f"  Python {python}, {machine}", file=sys.stderr, flush=True)
                where = ("--target", folder, "--python-version", python, "--implementation", "cp", *platforms)
                yield from report("--only-binary", ":all:", "--no-deps", *where, *versions)


def lines(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """`name==version` and the hashes of its files, sorted."""
    hashes: dict[str, set[str]] = {}
    for item in items:
        name = f"{canonicalize_name(item['metadata']['name'])}=={item['metadata']['version']}"
        hashes.setdefault(name, set()).add(item["download_info"]["archive_info"]["hashes"]["sha256"])
    return [f"{name} {' '.join(f'--hash=sha256:{each}' for each in sorted(hashes[name]))}" for name in sorted(hashes)]


def main() -> None:
    found = lines(files())
    LOCK.write_text("".join(f"{line}\n" for line in found))
    print(f"{LOCK.name}: {len(found)} packages")


if __name__ == "__main__":
    main()
