"""How much may be submitted: by one key, to one kind, and whether anything may be at all. One statement a submit, capped in each count."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings

from tasks.errors import Code
from tasks.languages import sentence
from tasks.problems import Problem
from tasks.transitions import LIMITS, OLDEST_OF_MINUTE, changed

WINDOW_SECONDS = 60
QUEUE_PATIENCE_SECONDS = 10  # when to ask again where nobody can know: the queue moves as the models do
MAINTENANCE_PATIENCE_SECONDS = 60


class Key(Protocol):
    """What a request came with: its number, and what it may do in a minute and have waiting at a time (0: as much as it likes)."""

    @property
    def pk(self) -> int: ...
    @property
    def rate(self) -> int: ...
    @property
    def queued(self) -> int: ...


@dataclass(frozen=True)
class NoKey:
    """A session: a person at a page."""

    pk: int = 0
    rate: int = 0
    queued: int = 0


NO_KEY = NoKey()


@dataclass(frozen=True)
class Limits:
    """What one key has submitted in the last minute and has waiting, and what waits for one kind; each counted up to its limit."""

    key: Key
    kind: str
    submitted: int
    queued: int
    depth: int
    maintenance: str | None

    def check(self) -> None:
        """Raises Problem with `Retry-After`: `maintenance`, `queue_full`, `too_many_queued` or `rate_limited`."""
        most, jobs, submits = settings.MAX_QUEUED_PER_KIND, self.key.queued, self.key.rate
        if self.maintenance is not None:
            raise refusal(Code.MAINTENANCE, MAINTENANCE_PATIENCE_SECONDS, self.maintenance)
        if most and self.depth >= most:
            raise refusal(Code.QUEUE_FULL, QUEUE_PATIENCE_SECONDS, sentence("%(jobs)s jobs wait for %(kind)s.", jobs=most, kind=self.kind))
        if jobs and self.queued >= jobs:
            raise refusal(Code.TOO_MANY_QUEUED, QUEUE_PATIENCE_SECONDS, sentence("%(jobs)s jobs of this key wait.", jobs=jobs))
        if submits and self.submitted >= submits:
            said = sentence("%(submits)s submits a minute are the limit of this key.", submits=submits)
            raise refusal(Code.RATE_LIMITED, self.reset_seconds(), said)

    def reset_seconds(self) -> int:
        """Until the oldest submit that counts is a minute old."""
        values = {"key": self.key.pk, "seconds": WINDOW_SECONDS, "rate": self.key.rate}
        found = changed(OLDEST_OF_MINUTE, values)
        return max(math.ceil(float(found[0][0])), 1) if found else 1

    def headers(self) -> dict[str, str]:
        """The RateLimit fields of draft-ietf-httpapi-ratelimit-headers-10; none for a key without limits."""
        policies = {"submits": (self.key.rate, self.submitted, f";w={WINDOW_SECONDS}"), "queued": (self.key.queued, self.queued, "")}
        limited = {name: facts for name, facts in policies.items() if facts[0]}
        if not limited:
            return {}
        left = [f'"{name}";r={max(limit - used - 1, 0)}' for name, (limit, used, _) in limited.items()]
        return {
            "RateLimit-Policy": ", ".join(f'"{name}";q={limit}{window}' for name, (limit, _, window) in limited.items()),
            "RateLimit": ", ".join(left),
        }


def limits_of(key: Key, kind: str) -> Limits:
    values = {
        "key": key.pk,
        "kind": kind,
        "seconds": WINDOW_SECONDS,
        "rate": key.rate,
        "queued": key.queued,
        "depth": settings.MAX_QUEUED_PER_KIND,
    }
    [(submitted, queued, depth, maintenance)] = changed(LIMITS, values)
    return Limits(key, kind, submitted, queued, depth, maintenance)


def refusal(code: Code, seconds: int, detail: str) -> Problem:
    problem = Problem(code, detail)
    problem.wait = seconds
    return problem
