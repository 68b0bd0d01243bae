from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

ANSWERS = [
    ("get", "/livez"),
    ("get", "/api/v1/jobs"),
    ("post", "/livez"),
    ("get", "/nothing"),
    ("get", "/api/schema"),
    ("get", "/api/docs"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "address"), ANSWERS)
def test_every_answer_tells_a_browser_to_do_little_with_it(method: str, address: str) -> None:
    answer = getattr(Client(), method)(address)
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert (answer["Cross-Origin-Opener-Policy"], answer["Cross-Origin-Resource-Policy"]) == ("same-origin", "same-origin")
    assert "Strict-Transport-Security" not in answer


def test_only_where_clients_come_by_tls_they_are_told_to_stay(settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 60
    assert "Strict-Transport-Security" in Client().get("/livez", secure=True)
    assert "Strict-Transport-Security" not in Client().get("/livez")
