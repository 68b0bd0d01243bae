"""What is asked of each server: the same body, as often, by as many clients."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.client import Load
from benchmarks.engine import FILE

ANSWER_SECONDS = 30.0  # FitSize's own longest wait; a server that is alive is never that late here
USUAL_MODEL_MS = 50.0  # the number of jobs is told for this one


@dataclass(frozen=True)
class Work:
    """`poison_every`: each so manieth request aborts the process that runs it; 0 is none."""

    model_ms: float
    jobs: int
    clients: int = 30
    poison_every: int = 0

    @property
    def name(self) -> str:
        return f"{self.model_ms:g} ms{f', one poison in {self.poison_every}' if self.poison_every else ''}"

    @property
    def innocents(self) -> int:
        return self.jobs - (self.jobs // self.poison_every if self.poison_every else 0)

    def warm_up(self) -> Work:
        return replace(self, jobs=2 * self.clients + 8, poison_every=0)

    def single(self) -> Work:
        return replace(self, jobs=1, clients=1, poison_every=0)

    def load(self, port: int, path: str, poison_path: str, key: str = "") -> Load:
        """No two poisons are alike: FitSize refuses an input that has crashed its process three times."""
        fields: dict[str, Any] = {"file": FILE, "milliseconds": self.model_ms}
        return Load(
            port,
            path,
            json.dumps(fields),
            self.jobs,
            self.clients,
            key,
            answer_seconds=ANSWER_SECONDS,
            odd_every=self.poison_every,
            odd_path=poison_path,
            odd_body=json.dumps({**fields, "signal_name": "SIGABRT", "text": "poison NUMBER"}),
        )


def jobs_for(model_ms: float, jobs: int) -> int:
    """Runs of about the same length: more of a fast model's, at most three times as many, and fewer of a slow one's, at least half."""
    times = USUAL_MODEL_MS / model_ms if model_ms else 3.0
    return round(jobs * min(max(times, 0.5), 3.0))
