"""The account of a storm balances for a good history alone: each check can fail."""

from __future__ import annotations

import pytest

from benchmarks.storm.account import CHECKS, Answer, Books, balanced, figures, problems
from benchmarks.storm.history import Met
from tests.benchmarks.storm.books import CONVICTED, FINE, books, changes, hit, kill, poison, row

LOST = ("", "queued", "running", "queued", "running", "succeeded")
BAD: dict[str, tuple[str, Books]] = {
    "running for ever": ("never ended", books(changes("a", *FINE[:3]), rows=[row("a", state="running")])),
    "an accepted job without a row": ("never ended", books(rows=[], answers=[Answer("a")])),
    "an unread row that stays": ("never ended", books(changes("a", *FINE[:2]), rows=[row("a", state="queued")], answers=[], planned=0)),
    "ended in two ways": ("ended more than once", books(changes("a", *FINE, "failed"))),
    "ended twice alike": ("ended more than once", books(changes("a", *FINE, "succeeded"))),
    "run again after its end": ("ended more than once", books(changes("a", *FINE, "queued", "running", "succeeded"))),
    "an innocent failed": (
        "failed innocents",
        books(changes("a", *FINE[:3], "failed"), rows=[row("a", state="failed", code="worker_lost")]),
    ),
    "an innocent canceled": ("failed innocents", books(changes("a", "", "queued", "canceled"), rows=[row("a", state="canceled")])),
    "a poison job lost": (
        "poison jobs with another end than worker_crashed",
        books(changes("a", *CONVICTED), rows=[poison("a", code="worker_lost")]),
    ),
    "a charged innocent": ("innocents charged with a crash", books(changes("a", *LOST), rows=[row("a", attempts=2, crashes=1)])),
    "a claim not counted": ("jobs whose counters differ from their history", books(changes("a", *LOST), rows=[row("a", attempts=1)])),
    "a loss without a return": ("jobs whose counters differ from their history", books(changes("a", *FINE), rows=[row("a", losses=1)])),
    "a state nobody wrote": ("jobs whose state differs from their history", books(changes("a", *FINE), rows=[row("a", state="failed")])),
    "one id for two jobs": ("accepted twice", books(changes("a", *FINE), answers=[Answer("a"), Answer("a")])),
    "a job that could not be sent": ("planned, not accepted", books(changes("a", *FINE), planned=2)),
    "a wrong result": ("wrong answers", books(changes("a", *FINE), answers=[Answer("a", "succeeded", "result {}")])),
    "an answer unlike the row": ("wrong answers", books(changes("a", *FINE), answers=[Answer("a", "failed")])),
    "a refused submit": ("submits refused", books(changes("a", *FINE), refused={"500": 1})),
    "a kill that was not sent": ("kills left out", books(kills_planned=1)),
    "a worker that stays away": ("kills without recovery", books(met=[Met(kill("web"))], kills_planned=1)),
    "kills of idle children": ("too few kills that hit a running job", books(met=[hit("child", "")], kills_planned=1)),
}


def test_a_good_history_balances() -> None:
    fine = books(
        changes("a", *FINE),
        changes("b", *LOST),
        changes("c", *CONVICTED),
        rows=[row("a"), row("b", attempts=2, losses=1), poison("c")],
        met=[hit("child", "b"), hit("parent", "b"), hit("parent", "")],
        kills_planned=3,
    )
    assert problems(fine) == {name: [] for name in CHECKS}
    assert balanced(problems(fine))


@pytest.mark.parametrize("name", BAD)
def test_a_bad_history_does_not_balance(name: str) -> None:
    check, bad = BAD[name]
    assert problems(bad)[check]
    assert not balanced(problems(bad))


def test_every_check_has_a_history_that_fails_it() -> None:
    assert {check for check, _ in BAD.values()} == set(CHECKS)


def test_rows_whose_answer_was_not_read_are_listed_apart() -> None:
    found = figures(books(changes("a", *FINE), changes("b", *FINE), answers=[Answer("a", "succeeded")], planned=1, broken=2))
    assert (found["accepted (answer read)"], found["answers not read (the connection broke)"], found["rows of those"]) == (1, 2, 1)
    assert found["succeeded"] == 2
