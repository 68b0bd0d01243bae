"""A broker that hangs: it accepts connections and never answers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks import wakeups
from tasks.wakeups import Broker, wake


@pytest.fixture
def hung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        broker = Broker(f"redis+socket://{tmp_path / 's'}")
        monkeypatch.setattr(wakeups, "broker", broker)
        yield broker
        assert broker.redis is not None
        broker.redis.close()


def test_requests_that_come_together_share_one_failed_publish(hung: Broker, caplog: pytest.LogCaptureFixture) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(wake, ["fakes"] * 8)) == {False}
    assert caplog.text.count("no wake-up for fakes") == 1


def test_a_window_that_is_over_costs_one_more(hung: Broker, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        assert (wake("fakes"), wake("fakes")) == (False, False)
        hung.breaker.open_until = 0.0
    assert caplog.text.count("no wake-up for fakes") == 2
