from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from jmeter import home


def made(folder: Path, version: str) -> Path:
    """As much of a JMeter as is looked at."""
    (folder / "lib" / "ext").mkdir(parents=True)
    (folder / home.LAUNCHER).parent.mkdir()
    (folder / home.LAUNCHER).touch()
    with zipfile.ZipFile(folder / "lib" / "ext" / "ApacheJMeter_core.jar", "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", f"Implementation-Version: {version}\n")
    return folder


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JMETER_HOME", raising=False)
    monkeypatch.setattr(home, "OURS", tmp_path / "ours")
    monkeypatch.setenv("PATH", str(tmp_path / "named" / "bin"))


def test_without_any_it_says_how_to_get_one() -> None:
    with pytest.raises(home.NotThere, match="make jmeter"):
        home.home()


def test_without_java_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(home.NotThere, match="default-jre-headless"):
        home.java()


def test_ours_is_found(tmp_path: Path) -> None:
    assert made(tmp_path / "ours", "5.5") == home.home()


@pytest.mark.parametrize(("version", "taken"), [("5.6.3", True), ("2.13.20170723", False)])
def test_of_those_on_the_path_debians_is_not_taken(version: str, taken: bool, tmp_path: Path) -> None:
    command = made(tmp_path / "named", version) / "bin" / "jmeter"
    command.touch(mode=0o755)
    if taken:
        assert home.home() == tmp_path / "named"
    else:
        with pytest.raises(home.NotThere):
            home.home()


def test_the_one_that_is_named_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "ours", "5.5")
    monkeypatch.setenv("JMETER_HOME", str(made(tmp_path / "mine", "5.6.3")))
    assert home.home() == tmp_path / "mine"


@pytest.mark.parametrize(
    ("jar", "place"),
    [
        ("ApacheJMeter-5.5.jar", "bin/ApacheJMeter.jar"),
        ("ApacheJMeter_http-5.5.jar", "lib/ext/ApacheJMeter_http-5.5.jar"),
        ("json-path-2.7.0.jar", "lib/json-path-2.7.0.jar"),
        ("jmeter-plugins-dummy-0.4.jar", None),
        ("jmeter-java-dsl-1.23.3.jar", None),
        ("config.py", None),
    ],
)
def test_plugins_are_left_out(jar: str, place: str | None) -> None:
    assert home.place_of(jar) == (Path(place) if place else None)
