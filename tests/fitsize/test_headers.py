from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tasks.errors import Code
from tasks.languages import sentence
from tasks.large_bodies import REFUSED

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


def test_what_the_bridge_refuses_is_said_by_django_in_the_readers_language() -> None:
    said = sentence("A request to this address has at most %(most)s bytes.", most=9)
    bridge: dict[str, Any] = {REFUSED: (Code.TOO_LARGE, said)}
    answer = Client().post("/livez", headers={"Accept-Language": "fr"}, **bridge)
    assert (answer.status_code, answer["Content-Language"], answer["Content-Type"]) == (413, "fr", "application/problem+json")
    assert "Une requête à cette adresse" in answer.json()["detail"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_only_where_clients_come_by_tls_they_are_told_to_stay(settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 60
    assert "Strict-Transport-Security" in Client().get("/livez", secure=True)
    assert "Strict-Transport-Security" not in Client().get("/livez")
