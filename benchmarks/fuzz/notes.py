"""What was sent and answered, one line of JSON each; schemathesis' process writes, ours reads."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NO_HTTP = b"Invalid HTTP request received."


@dataclass
class Notes:
    """Answers by operation and status, the jobs that were accepted, and what was pardoned for which reason."""

    answers: dict[str, Counter[int]] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    pardoned: Counter[str] = field(default_factory=Counter)

    @property
    def cases(self) -> int:
        return sum(counts.total() for counts in self.answers.values())

    def add(self, operation: str, status: int, accepted: str | None) -> None:
        self.answers.setdefault(operation, Counter())[status] += 1
        if accepted:
            self.accepted.add(accepted)

    def read(self, file: Path) -> None:
        for line in file.read_text().splitlines():
            said: dict[str, Any] = json.loads(line)
            if "pardoned" in said:
                self.pardoned[said["pardoned"]] += 1
            else:
                self.add(said["operation"], said["status"], said["accepted"])
