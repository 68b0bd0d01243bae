"""The database's clock: several machines write the times of one job, and theirs may differ. It may jump: ages are measured otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now
from django.db.models.sql.compiler import SQLCompiler

SQLITE_FORMAT = "%%Y-%%m-%%d %%H:%%M:%%f000"  # SQLite compares times as text, and Django writes microseconds


class DatabaseNow(Now):
    """Django's `Now`, of the same form as the times that Django itself writes."""

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra_context: Any) -> Any:
        return self.as_sql(compiler, connection, template=f"STRFTIME('{SQLITE_FORMAT.replace('%', '%%')}', 'NOW')", **extra_context)


def timestamp(moment: datetime | None) -> str | None:
    """As answers and messages say it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


class Sightings:
    """When a process first saw something, by its own monotonic clock; what it sees no more is forgotten."""

    def __init__(self) -> None:
        self.first: dict[str, float] = {}

    def ages(self, seen: Iterable[str], now: float) -> dict[str, float]:
        """Seconds since each was first seen."""
        self.first = {key: self.first.get(key, now) for key in seen}
        return {key: now - moment for key, moment in self.first.items()}
