"""The runner: starts what is needed, and its exit code says whether all is well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fitsize.broker import free_port
from jmeter import samples
from jmeter.plans import SHARES
from tests.jmeter.kinds import KINDS
from tests.stack import ROOT, Stack

ONCE = ["--users", "1", "--ramp", "0", "--think", "0", "--knob", "loops=1"]


@pytest.fixture(scope="session")
def real_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.make(tmp_path_factory.mktemp("samples"))


def run(folder: Path, files: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jmeter.run", *options, "--folder", str(folder), "--files", str(files)]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.slow
@pytest.mark.usefixtures("jmeter")
def test_a_run_starts_a_service_and_writes_a_report(files: Path, tmp_path: Path) -> None:
    done = run(tmp_path, files, "faces", *ONCE, INFERENCE_KINDS=KINDS)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "summary.json").read_text())
    assert found["jobs"] == {"submitted": 2, "ended": 2, "never_ended": 0}
    assert {"faces model", "faces parent", "web", "broker", "housekeeping", "JMeter"} <= set(found["looks"][-1]["megabytes"])
    assert "Every objective holds" in (tmp_path / "report.html").read_text()
    assert "fitsize_" not in (tmp_path / "report.html").read_text()  # the key


@pytest.mark.slow
@pytest.mark.usefixtures("jmeter")
def test_the_old_way_can_be_replayed(real_files: Path, tmp_path: Path) -> None:
    """On the real models: a process for the garment, and web processes with the others."""
    all_of_it = [f"--knob={name}=100" for name in SHARES]
    done = run(tmp_path, real_files, "blocking", *ONCE, *all_of_it)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "summary.json").read_text())
    assert found["jobs"] == {"submitted": 4, "ended": 4, "never_ended": 0}
    assert found["megabytes"]["web"] > found["megabytes"]["garment processes"] > 0


@pytest.mark.slow
@pytest.mark.usefixtures("jmeter")
def test_a_service_that_fails_every_job_makes_the_exit_code_fail(broken: Stack, files: Path, tmp_path: Path) -> None:
    port = broken.bind.rpartition(":")[2]
    done = run(tmp_path, files, "keypoints", *ONCE, "--host", "127.0.0.1", "--port", port, "--key", broken.key)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED  failed samples" in done.stdout
    assert "internal_error" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("jmeter")
def test_a_service_that_is_not_there_makes_the_exit_code_fail(files: Path, tmp_path: Path) -> None:
    done = run(tmp_path, files, "bad_input", *ONCE, "--host", "127.0.0.1", "--port", str(free_port()))
    assert done.returncode == 1, done.stdout + done.stderr


def test_without_a_jmeter_it_says_how_to_get_one(files: Path, tmp_path: Path) -> None:
    done = run(tmp_path, files, "faces", JMETER_HOME=str(tmp_path))
    assert done.returncode == 2
    assert f"JMETER_HOME is {tmp_path}" in done.stderr
