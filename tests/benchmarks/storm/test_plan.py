from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.storm.plan import SHARES, VICTIMS, Plan, blows, is_poison, order, usual_kills

SMALL, LARGE = Plan(jobs=300, kills=20), Plan(jobs=100_000, kills=267, rate=25)


@pytest.mark.parametrize("plan", [SMALL, LARGE])
def test_every_victim_is_killed_about_equally_often(plan: Plan) -> None:
    counts = Counter(blow.victim for blow in blows(plan))
    assert set(counts) == set(VICTIMS)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_most_kills_of_workers_are_aimed() -> None:
    for victim in ("child", "parent"):
        aimed = [blow.aimed for blow in blows(SMALL) if blow.victim == victim]
        assert sum(aimed) > len(aimed) / 2


def test_kills_fall_due_one_after_the_other_over_the_whole_storm() -> None:
    due = [blow.due for blow in blows(LARGE)]
    assert due == sorted(due)
    assert due[0] < 400
    assert 94_600 < due[-1] < 95_000


def test_the_same_seed_gives_the_same_storm() -> None:
    assert blows(SMALL) == blows(Plan(jobs=300, kills=20))
    assert blows(SMALL) != blows(Plan(jobs=300, kills=20, seed=2))
    assert order(SMALL, 3) == order(SMALL, 3)


@pytest.mark.parametrize(("plan", "count"), [(SMALL, 3), (LARGE, 100), (Plan(jobs=4, kills=0), 3)])
def test_poison_jobs_are_few_and_spread(plan: Plan, count: int) -> None:
    assert sum(is_poison(plan, number) for number in range(plan.jobs)) == plan.poisons == count


def test_no_two_poison_jobs_are_alike() -> None:
    number = next(number for number in range(SMALL.jobs) if is_poison(SMALL, number))
    assert order(SMALL, number).fields["marker"] != order(SMALL, number).fields["marker"]


def test_the_jobs_are_mixed_by_their_shares() -> None:
    counts = Counter(order(LARGE, number).operation for number in range(2000))
    assert {name: counts[name] / 20 for name in SHARES} == pytest.approx(SHARES, abs=4)


def test_a_long_storm_has_a_kill_every_fifteen_seconds() -> None:
    assert (usual_kills(300, 0), usual_kills(100_000, 25)) == (20, 267)
