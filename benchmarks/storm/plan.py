"""What a storm is to do: which jobs are sent, which process is killed when. The same seed gives the same plan."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from typing import Any

VICTIMS = ("child", "parent", "web", "housekeeping", "redis")
WORKERS = ("fakes", "fakes-2")
PARTS = ("master", "process")  # of the web: gunicorn's master, and the process that answers
SHARES = {"echo": 55, "sleep": 20, "burn": 10, "save": 15}  # per cent of the innocent jobs
POISON = "die"
SIGNALS = ("SIGSEGV", "SIGABRT")
LAST_KILL = 0.95  # of the jobs: the rest shows that work goes on
SECONDS_PER_KILL = 15
USUAL_RATE = 30  # jobs per second that two workers manage on two cores


@dataclass(frozen=True)
class Plan:
    """`rate` is in jobs per second, 0 is as fast as possible. At most `clients` jobs are unfinished at a time."""

    jobs: int
    kills: int
    rate: float = 0.0
    seed: int = 1
    clients: int = 60
    patience_seconds: float = 120.0

    @property
    def poisons(self) -> int:
        return max(3, self.jobs // 1000)


def usual_kills(jobs: int, rate: float) -> int:
    return max(20, round(jobs / (rate or USUAL_RATE) / SECONDS_PER_KILL))


@dataclass(frozen=True)
class Order:
    """One job to send; `file_bytes` is the size of its file, 0 for none."""

    operation: str
    fields: dict[str, Any] = field(default_factory=dict)
    file_bytes: int = 0
    wait: bool = False  # by `Prefer: wait`; otherwise it is read by `?wait=`

    @property
    def poison(self) -> bool:
        return self.operation == POISON


def order(plan: Plan, number: int) -> Order:
    """The job of this number. A poison job carries a marker that no other has, on every call: its input is never seen twice."""
    dice = random.Random(f"{plan.seed}/{number}")
    if is_poison(plan, number):
        return Order(POISON, {"signal_name": dice.choice(SIGNALS), "marker": uuid.uuid4().hex})
    [operation] = dice.choices(list(SHARES), weights=list(SHARES.values()))
    wait = dice.random() < 0.5
    match operation:
        case "sleep":
            return Order(operation, {"seconds": round(dice.uniform(0, 0.3), 3)}, wait=wait)
        case "burn":
            return Order(operation, {"milliseconds": dice.randint(5, 60)}, wait=wait)
        case "save":
            return Order(operation, {"text": f"note {number}," * dice.randint(1, 20)}, wait=wait)
        case _:
            return Order(operation, {"text": f"job {number}"}, file_bytes=dice.randint(100, 20_000), wait=wait)


def is_poison(plan: Plan, number: int) -> bool:
    """Spread evenly, in the middle of each stretch."""
    stretch = max(plan.jobs // plan.poisons, 1)
    return number % stretch == stretch // 2 and number // stretch < plan.poisons


@dataclass(frozen=True)
class Blow:
    """A kill to come, once `due` jobs are over. An aimed one waits for a moment at which its worker runs a job."""

    victim: str
    program: str  # as the stack names it
    due: int
    aimed: bool = False
    part: str = ""


def blows(plan: Plan) -> list[Blow]:
    """In the order of their due moments: every victim about equally often, three of four kills of a worker aimed."""
    dice = random.Random(plan.seed)
    victims = [VICTIMS[number % len(VICTIMS)] for number in range(plan.kills)]
    dice.shuffle(victims)
    made: list[Blow] = []
    for number, victim in enumerate(victims):
        due = int(plan.jobs * LAST_KILL * (number + dice.random()) / plan.kills)
        before = sum(blow.victim == victim for blow in made)
        made.append(blow(victim, due, before))
    return made


def blow(victim: str, due: int, before: int) -> Blow:
    """`before` of the same victim came earlier: workers and parts of the web take turns."""
    match victim:
        case "child" | "parent":
            return Blow(victim, WORKERS[before % len(WORKERS)], due, aimed=before % 4 != 3)
        case "web":
            return Blow(victim, "web", due, part=PARTS[before % len(PARTS)])
        case "redis":
            return Blow(victim, "broker", due)
        case _:
            return Blow(victim, victim, due)
