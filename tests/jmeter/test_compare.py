from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.stack import ROOT


def report(folder: Path, users: str, p95: float) -> str:
    """A folder as a run leaves it."""
    figures = {"count": 10, "failed": 0, "per_second": 2.5, "mean": p95, "p50": p95, "p95": p95}
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps({"plan": "faces", "knobs": {"users": users}, "samples": {"selfie: submit": figures}}))
    (folder / "report.html").write_text(f"<figure><figcaption>Memory</figcaption><svg>{users}</svg></figure>")
    return str(folder)


def test_two_runs_are_put_side_by_side(tmp_path: Path) -> None:
    folders = report(tmp_path / "one", "10", 40.0), report(tmp_path / "other", "20", 100.0)
    done = subprocess.run([sys.executable, "-m", "jmeter.compare", *folders], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.startswith("selfie: submit, p95")]
    assert line.split()[-3:] == ["40", "100", "2.50x"]
    page = (tmp_path / "other" / "beside-one.html").read_text()
    assert "<div><svg>10</svg></div><div><svg>20</svg></div>" in page
    assert "<td>users</td><td>10</td><td>20</td>" in page
