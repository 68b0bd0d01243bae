"""The demo's client: sends three real inputs to a running FitSize, waits for the jobs and prints what they say.

`python -m fitsize.demo_visit FOLDER`; FITSIZE_ADDRESS and FITSIZE_KEY say where and as whom. Exit code 0 only if all three jobs succeeded.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

WAIT_SECONDS = 30
PATIENCE_SECONDS = 1800
Show = Callable[[Console, dict[str, Any]], None]


@dataclass(frozen=True)
class Visit:
    """One submit: what it is called, where it goes, its file and fields, and how its result is shown."""

    title: str
    path: str
    role: str
    file: Path
    fields: dict[str, str]
    show: Show


def package_file(package: str, *parts: str) -> Path:
    """A data file of an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise SystemExit(f"{package} is not installed; send a file of your own instead")
    return Path(next(iter(places)), *parts)


def rendered_garment(folder: Path) -> Path:
    """A photo made here: a laid-out T-shirt beside the scale sheet. In a process of its own: this one imports no model package."""
    path = folder / "garment.jpg"
    subprocess.run([sys.executable, "-m", "keypoints.training.sample_photo", str(path)], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return path


def visits(options: argparse.Namespace) -> list[Visit]:
    folder = Path(options.folder)
    clothing = {"clothing": options.clothing} if options.clothing else {}
    garment = Path(options.garment) if options.garment else rendered_garment(folder)
    selfie = Path(options.selfie) if options.selfie else package_file("skimage", "data", "astronaut.png")
    audio = Path(options.audio) if options.audio else package_file("pyannote", "audio", "sample", "sample.wav")
    return [
        Visit(f"Garment: {garment.name}", "keypoints", "image", garment, clothing, show_garment),
        Visit(f"Selfie: {selfie.name}", "faces/validate", "selfie", selfie, {}, show_selfie),
        Visit(f"Recording: {audio.name}", "diarization", "audio", audio, {}, show_recording),
    ]


class Client:
    def __init__(self, address: str, key: str) -> None:
        self.http = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=WAIT_SECONDS + 30, trust_env=False)

    def run(self, visit: Visit) -> dict[str, Any]:
        """Submit and wait; the job, or a problem document where the submit was refused."""
        with visit.file.open("rb") as file:
            answer = self.http.post(
                f"/api/v1/{visit.path}",
                data=visit.fields,
                files={visit.role: (visit.file.name, file)},
                headers={"Prefer": f"wait={WAIT_SECONDS}"},
            )
        end = time.monotonic() + PATIENCE_SECONDS
        while answer.status_code in (200, 202) and answer.json()["state"] in ("queued", "running") and time.monotonic() < end:
            answer = self.http.get(answer.json()["links"]["self"], params={"wait": WAIT_SECONDS})
        document: dict[str, Any] = answer.json()
        return document

    def download(self, url: str, path: Path) -> None:
        path.write_bytes(self.http.get(url).raise_for_status().content)


def show_garment(console: Console, result: dict[str, Any]) -> None:
    console.print(f"measured as [bold]{result['category']}[/bold]")
    table = Table("measurement", "cm", "±", "pixels", "quality", title_justify="left")
    for item in result["measurements"]:
        centimetres, margin, pixels = (number(item[name]) for name in ("value_cm", "plus_minus_cm", "value_px"))
        name = item["name"] + (" (approximate)" if item["approximate"] else "")
        table.add_row(name, centimetres, margin, pixels, item["quality"])
    console.print(table)


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def show_selfie(console: Console, result: dict[str, Any]) -> None:
    console.print(f"verdict: [bold]{result['verdict']}[/bold], {len(result['faces'])} face(s)")
    table = Table("check", "value", "limit", "passed", "hint")
    for check in result["checks"]:
        passed = {True: "yes", False: "no", None: "unknown"}[check["pass"]]
        table.add_row(check["name"], str(check["value"]), str(check["limit"]), passed, check["hint"] or "")
    console.print(table)


def show_recording(console: Console, result: dict[str, Any]) -> None:
    console.print(f"{result['num_speakers_found']} speaker(s) in {result['duration_seconds']:.1f} s, pipeline {result['pipeline']}")
    table = Table("from", "to", "speaker")
    for turn in result["turns"][:20]:
        table.add_row(f"{turn['start']:.2f}", f"{turn['end']:.2f}", turn["speaker"])
    console.print(table)
    if len(result["turns"]) > 20:
        console.print(f"... and {len(result['turns']) - 20} more turns")


def show(console: Console, visit: Visit, job: dict[str, Any], seconds: float) -> bool:
    """Print one job; True if it succeeded."""
    console.rule(visit.title, align="left")
    if job.get("state") != "succeeded":
        problem = job.get("error") or job
        console.print(f"[red]{job.get('state', 'refused')}[/red] {problem.get('code', '')}: {problem.get('detail', '')}")
        return False
    visit.show(console, job["result"])
    for warning in job["warnings"]:
        console.print(f"[yellow]{warning['code']}[/yellow]: {warning['detail']}")
    timings = job["timings_ms"]
    console.print(
        f"queued {timings['queued']} ms, model {timings['run']} ms, seen by the client after {seconds * 1000:.0f} ms; job {job['id']}"
    )
    return True


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    for name in ("garment", "clothing", "selfie", "audio"):
        parser.add_argument(f"--{name}", default="")
    options = parser.parse_args()
    Path(options.folder).mkdir(parents=True, exist_ok=True)
    console = Console()
    address, key = os.environ["FITSIZE_ADDRESS"], os.environ["FITSIZE_KEY"]
    client = Client(address, key)
    succeeded = 0
    for visit in visits(options):
        begun = time.monotonic()
        job = client.run(visit)
        succeeded += show(console, visit, job, time.monotonic() - begun)
        for saved in job.get("files", []):
            path = Path(options.folder) / saved["name"]
            client.download(saved["url"], path)
            console.print(f"saved {path}")
    console.rule()
    console.print(f"{succeeded} of 3 jobs succeeded. Address: {address}  key: {key}", soft_wrap=True)
    return 0 if succeeded == 3 else 1


if __name__ == "__main__":
    sys.exit(main())
