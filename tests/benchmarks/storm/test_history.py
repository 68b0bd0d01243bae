from __future__ import annotations

from benchmarks.storm.history import Change, History, met
from tests.benchmarks.storm.books import FINE, changes, kill

RUNS_AGAIN = [
    Change("a", "", "queued", "", 0, 8.0),
    Change("a", "queued", "running", "fakes", 7, 9.0),
    Change("a", "running", "queued", "fakes", 7, 11.0),
    Change("b", "queued", "running", "fakes-2", 9, 11.2),
    Change("c", "queued", "running", "fakes", 7, 11.3),  # by the killed process: this cannot be its recovery
    Change("a", "queued", "running", "fakes", 8, 11.5),
    Change("a", "running", "succeeded", "fakes", 8, 12.0),
]


def test_a_kill_hits_the_job_that_the_child_ran_at_that_moment() -> None:
    found = met(kill("child", at=10.0), History(RUNS_AGAIN))
    assert (found.hit, found.then, found.hit_ended) == ("a", "queued", 2.0)


def test_a_kill_between_two_jobs_hits_none() -> None:
    assert met(kill("child", at=5.0), History(changes("a", *FINE))).hit == ""


def test_a_worker_has_recovered_when_another_process_of_its_name_claims() -> None:
    assert met(kill("parent", at=10.0), History(RUNS_AGAIN)).recovery == 1.5


def test_a_worker_that_never_claims_again_has_not_recovered() -> None:
    assert met(kill("child", at=11.9), History(RUNS_AGAIN)).recovery is None


def test_redis_has_recovered_when_a_job_submitted_since_is_claimed() -> None:
    old, new = changes("old", *FINE, begun=9.0), changes("new", *FINE, begun=20.0)
    found = met(kill("redis", at=8.0, back_at=9.5), History([*old, *new]))
    assert found.recovery == 21.0 - 8.0


def test_the_web_has_recovered_when_it_was_seen_to_answer() -> None:
    assert met(kill("web", at=10.0, child=0, back_at=12.5), History([])).recovery == 2.5
    assert met(kill("web", at=10.0, child=0), History([])).recovery is None
