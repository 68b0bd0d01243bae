"""Answers under real concurrency and through the real front, on both databases."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.slow


def spoken(stack: Stack) -> dict[str, Any]:
    job: dict[str, Any] = stack.http.post("/api/v1/fakes/speak", json={"text": "A,B"}, headers={"Prefer": "wait=20"}).json()
    assert job["state"] == "succeeded"
    return job


def test_of_many_who_correct_the_same_revision_one_is_right(stack: Stack) -> None:
    address = spoken(stack)["links"]["corrections"]

    def correct(number: int) -> int:
        patch = {"speaker": "A", "name": "A", "loudness": number}
        return stack.http.patch(address, json=patch, headers={"If-Match": '"0"'}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert Counter(pool.map(correct, range(24))) == {200: 1, 412: 23}
    assert [revision["number"] for revision in stack.http.get(address).json()["history"]] == [1]


def test_a_client_that_waits_for_a_format_reads_it_when_the_job_ends(stack: Stack) -> None:
    stack.http.post("/api/v1/fakes/sleep", json={"seconds": 1})
    job = stack.http.post("/api/v1/fakes/speak", json={"text": "A,B"})
    answer = stack.http.get(f"{job.headers['Location']}?wait=20", headers={"Accept": "text/csv"})
    assert (answer.status_code, answer.text) == (200, "speaker\r\nA\r\nB\r\n")
    assert (answer.headers["Preference-Applied"], "Accept" in answer.headers["Vary"]) == ("wait=20", True)


def test_two_readers_at_once_are_told_in_their_own_language(stack: Stack) -> None:
    def told(language: str) -> str:
        title: str = stack.http.get("/nowhere", headers={"Accept-Language": language}).json()["title"]
        return title

    with ThreadPoolExecutor(8) as pool:
        titles = list(pool.map(told, ["fr", "en"] * 50))
    assert titles == ["Cette ressource n'existe pas", "There is no such resource"] * 50
