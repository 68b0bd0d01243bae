from __future__ import annotations

import json

import pytest

from benchmarks.fuzz.notes import NO_HTTP
from benchmarks.fuzz.oddities import Oddities, Reply, Request, complaint
from tasks.problems import MEDIA_TYPE

GET = Request("GET", b"/api/v1/jobs")
PROBLEM = json.dumps({"status": 400}).encode()


def test_the_same_seed_makes_the_same_requests() -> None:
    first, again, other = Oddities(1, []), Oddities(1, []), Oddities(2, [])
    requests = [first.request() for _ in range(50)]
    assert requests == [again.request() for _ in range(50)]
    assert requests != [other.request() for _ in range(50)]


@pytest.mark.parametrize(
    ("reply", "wrong"),
    [
        (Reply(200, "application/json", b"{}"), ""),
        (Reply(400, MEDIA_TYPE, PROBLEM), ""),
        (Reply(400, "text/plain", NO_HTTP), ""),
        (Reply(404, MEDIA_TYPE, PROBLEM), "a problem document of another status"),
        (Reply(400, "text/html", b"<h1>"), "400 without a problem document"),
        (Reply(500, MEDIA_TYPE, PROBLEM), "500"),
        (Reply(503, MEDIA_TYPE, PROBLEM), "503"),
        (Reply(200, "text/html", b"Traceback (most recent call last)"), "a trace"),
        (None, "no answer"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(reply: Reply | None, wrong: str) -> None:
    assert complaint(GET, reply) == wrong


def test_a_server_need_not_answer_to_a_body_that_does_not_come() -> None:
    assert complaint(Request("POST", b"/", {"Content-Length": b"99"}), None) == ""
