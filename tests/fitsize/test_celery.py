from __future__ import annotations

import kombu
import pytest

from fitsize.celery import app


def test_a_worker_asks_again_within_seconds_for_a_broker_that_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, float] = {}
    monkeypatch.setattr(kombu.Connection, "ensure_connection", lambda self, *args, **named: asked.update(named))
    app.connection_for_read().ensure_connection(lambda *_: None, None, callback=None)
    assert asked["interval_max"] <= 3
