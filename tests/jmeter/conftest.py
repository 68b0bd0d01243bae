from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fitsize.demo_visit import package_file
from jmeter import headless, home, results, samples
from jmeter.plans import FOLDER
from jmeter.run import OLD_CLIENTS
from tests.jmeter.kinds import KINDS
from tests.pictures import picture
from tests.stack import Stack


@pytest.fixture(scope="session")
def jmeter() -> Iterator[None]:
    """Fetched once; without Java, or without a net, these tests are skipped and say so."""
    try:
        home.java()
    except home.NotThere as missing:
        pytest.skip(str(missing))
    try:
        assert home.main() == 0
    except subprocess.CalledProcessError:
        pytest.skip("JMeter is not here and pip could not fetch it")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")  # half the CPU time of a start
        yield


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small inputs, for models that do not look at them."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "garment.jpg").write_bytes(picture())
    for selfie in ("selfie.jpg", "reference.jpg"):
        (folder / selfie).write_bytes(picture("PNG"))  # the example model sees a face in a PNG only; a name tells nothing
    shutil.copy(package_file("pyannote", "audio", "sample", "sample.wav"), folder / "recording.wav")
    samples.write_tables(folder)
    return folder


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    workers = ("keypoints", "faces", "diarization")
    with Stack(tmp_path_factory.mktemp("service"), workers=workers, environment={"INFERENCE_KINDS": KINDS, **OLD_CLIENTS}) as stack:
        yield stack


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Every garment fails, and for faces there is no worker."""
    kinds = "tests.jmeter.kinds.BROKEN,tests.jmeter.kinds.FACES"
    with Stack(tmp_path_factory.mktemp("broken"), workers=("keypoints",), environment={"INFERENCE_KINDS": kinds}) as stack:
        yield stack


def replay(stack: Stack, name: str, files: Path, folder: Path, **knobs: str) -> list[results.Sample]:
    """One plan with one user who does everything once, unless `knobs` say otherwise."""
    host, _, port = stack.bind.partition(":")
    common = {"host": host, "port": port, "key": stack.key, "files": str(files), "users": "1", "ramp": "0", "loops": "1", "think": "0"}
    process = headless.start(FOLDER / f"{name}.jmx", folder, {**common, **knobs})
    try:
        assert process.wait(120) == 0
    finally:
        process.kill()
    assert headless.complaints(folder) == []
    return results.read(headless.results(folder))
