"""Every accepted job, accounted for: did it end exactly once, and did any fail for what it did not do? Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.storm.history import ENDED, History, Met
from benchmarks.storm.plan import POISON

CRASHED = "worker_crashed"


@dataclass(frozen=True, slots=True)
class Row:
    """A job's row after the storm."""

    id: str
    operation: str
    state: str
    code: str
    attempts: int
    crashes: int
    losses: int

    @property
    def poison(self) -> bool:
        return self.operation == POISON


@dataclass(frozen=True, slots=True)
class Answer:
    """An accepted job as its client knows it: `state` is the end that it read, "" if it gave up; `wrong` says what was wrong with that."""

    id: str
    state: str = ""
    wrong: str = ""


@dataclass
class Books:
    """All that is known after a storm. `refused` counts answers to a submit that were neither acceptances nor "come again later"."""

    planned: int
    answers: Sequence[Answer]  # the plan's, then the probes'
    rows: Mapping[str, Row]
    history: History
    met: Sequence[Met]
    kills_planned: int
    probes: int = 0  # jobs sent after the load, to see recoveries
    broken: int = 0  # submits whose answer was not read
    unreachable: int = 0  # tries that found nobody at the address: nothing was sent
    put_off: int = 0  # submits that were told to come again later
    refused: Mapping[str, int] = field(default_factory=dict)


def ends(books: Books, job: str) -> int:
    """Writes to the state that ended the job, or that came after its end."""
    return sum(change.new in ENDED or change.old in ENDED for change in books.history.by_job.get(job, []))


def claims(books: Books, job: str) -> int:
    return sum(change.new == "running" for change in books.history.by_job.get(job, []))


def never_ended(books: Books) -> list[str]:
    """Accepted jobs and unread rows alike; an accepted job without a row is among them."""
    return [job for job in everyone(books) if not ends(books, job) or job not in books.rows or books.rows[job].state not in ENDED]


def ended_more_than_once(books: Books) -> list[str]:
    return [job for job in everyone(books) if ends(books, job) > 1]


def everyone(books: Books) -> list[str]:
    return list(dict.fromkeys([*(answer.id for answer in books.answers), *books.rows, *books.history.by_job]))


def accepted_twice(books: Books) -> list[str]:
    counts = Counter(answer.id for answer in books.answers)
    return [job for job, count in counts.items() if count > 1]


def not_accepted(books: Books) -> list[str]:
    missing = books.planned + books.probes - len(books.answers)
    return [f"{missing} jobs of the plan"] if missing > 0 else []


def failed_innocents(books: Books) -> list[str]:
    """Also canceled or expired: nobody asked for that."""
    return [row.id for row in books.rows.values() if not row.poison and row.state in ENDED and row.state != "succeeded"]


def poison_not_convicted(books: Books) -> list[str]:
    return [row.id for row in books.rows.values() if row.poison and (row.state, row.code) != ("failed", CRASHED)]


def crashes_of_innocents(books: Books) -> list[str]:
    return [row.id for row in books.rows.values() if not row.poison and row.crashes]


def miscounted(books: Books) -> list[str]:
    """Attempts are claims; each crash and each loss ends one of them, and the attempt that succeeded is none of those."""
    return [row.id for row in books.rows.values() if not counts_agree(row, claims(books, row.id))]


def counts_agree(row: Row, claimed: int) -> bool:
    ended_badly = row.attempts - (row.state == "succeeded")
    return row.attempts == claimed and row.crashes + row.losses <= ended_badly


def unlike_history(books: Books) -> list[str]:
    return [row.id for row in books.rows.values() if [change.new for change in books.history.by_job.get(row.id, [])][-1:] != [row.state]]


def wrong_answers(books: Books) -> list[str]:
    """What a client read of its job is not what had to come, or not what the row says."""
    return [f"{answer.id}: {answer.wrong or answer.state}" for answer in books.answers if answer.wrong or differs(answer, books.rows)]


def differs(answer: Answer, rows: Mapping[str, Row]) -> bool:
    return bool(answer.state) and answer.id in rows and rows[answer.id].state != answer.state


def refusals(books: Books) -> list[str]:
    return [f"{count} x {status}" for status, count in books.refused.items()]


def kills_left_out(books: Books) -> list[str]:
    left = books.kills_planned - len(books.met)
    return [f"{left} kills of the plan"] if left else []


def not_recovered(books: Books) -> list[str]:
    return [f"{found.kill.victim} ({found.kill.program}) at {found.kill.at:.3f}" for found in books.met if found.recovery is None]


def too_few_hits(books: Books) -> list[str]:
    """Half of the kills of children, and of parents, have to meet a running job."""
    few = []
    for victim in ("child", "parent"):
        hits = [bool(found.hit) for found in books.met if found.kill.victim == victim]
        if 2 * sum(hits) < len(hits):
            few.append(f"{victim}: {sum(hits)} of {len(hits)}")
    return few


CHECKS: dict[str, Callable[[Books], list[str]]] = {
    "never ended": never_ended,
    "ended more than once": ended_more_than_once,
    "failed innocents": failed_innocents,
    "poison jobs with another end than worker_crashed": poison_not_convicted,
    "innocents charged with a crash": crashes_of_innocents,
    "jobs whose counters differ from their history": miscounted,
    "jobs whose state differs from their history": unlike_history,
    "accepted twice": accepted_twice,
    "planned, not accepted": not_accepted,
    "wrong answers": wrong_answers,
    "submits refused": refusals,
    "kills left out": kills_left_out,
    "kills without recovery": not_recovered,
    "too few kills that hit a running job": too_few_hits,
}


def problems(books: Books) -> dict[str, list[str]]:
    """The offenders of each check; the account balances if there is none."""
    return {name: check(books) for name, check in CHECKS.items()}


def balanced(found: Mapping[str, Sequence[str]]) -> bool:
    return not any(found.values())


def figures(books: Books) -> dict[str, int]:
    """The account's other lines, for the table."""
    accepted = {answer.id for answer in books.answers}
    rows = books.rows.values()
    failed = Counter(row.code for row in rows if row.state == "failed")
    return {
        "submits sent": len(books.answers) + books.broken + books.put_off + sum(books.refused.values()),
        "accepted (answer read)": len(accepted),
        "of these after the load, to see recoveries": books.probes,
        "nobody there, not sent": books.unreachable,
        "answers not read (the connection broke)": books.broken,
        "rows of those": sum(row.id not in accepted for row in rows),
        "told to come again later": books.put_off,
        "succeeded": sum(row.state == "succeeded" for row in rows),
        "poison jobs": sum(row.poison for row in rows),
        **{f"failed: {code}": count for code, count in sorted(failed.items())},
        "jobs with more than one attempt": sum(row.attempts > 1 for row in rows),
        "attempts": sum(row.attempts for row in rows),
        "losses": sum(row.losses for row in rows),
        "crashes of poison jobs": sum(row.crashes for row in rows if row.poison),
        "ends seen by their clients": sum(bool(answer.state) for answer in books.answers),
    }
