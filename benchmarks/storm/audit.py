"""An observer inside the database, independent of the engine: triggers write down every write to a job's state."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import environ
import psycopg

from benchmarks.storm.account import Row
from benchmarks.storm.history import Change

# A write to an ended row is noted even if it leaves the state as it is: that would be a second end.
SQLITE = """
CREATE TABLE storm_audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, old TEXT NOT NULL, new TEXT NOT NULL,
    worker TEXT NOT NULL, pid INTEGER NOT NULL, at REAL NOT NULL
);
CREATE TRIGGER storm_born AFTER INSERT ON tasks_job BEGIN
    INSERT INTO storm_audit (job, old, new, worker, pid, at)
    VALUES (NEW.id, '', NEW.state, NEW.worker, NEW.pid, (julianday('now') - 2440587.5) * 86400.0);
END;
CREATE TRIGGER storm_changed AFTER UPDATE OF state, result, error, finished_at ON tasks_job
WHEN OLD.state <> NEW.state OR OLD.state NOT IN ('queued', 'running') BEGIN
    INSERT INTO storm_audit (job, old, new, worker, pid, at)
    VALUES (NEW.id, OLD.state, NEW.state, NEW.worker, NEW.pid, (julianday('now') - 2440587.5) * 86400.0);
END;
"""
POSTGRESQL = """
CREATE TABLE storm_audit (
    number bigserial PRIMARY KEY, job text NOT NULL, old text NOT NULL, new text NOT NULL,
    worker text NOT NULL, pid integer NOT NULL, at double precision NOT NULL
);
CREATE FUNCTION storm_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO storm_audit (job, old, new, worker, pid, at)
    VALUES (NEW.id, CASE WHEN TG_OP = 'INSERT' THEN '' ELSE OLD.state END, NEW.state, NEW.worker, NEW.pid,
            extract(epoch FROM clock_timestamp()));
    RETURN NULL;
END $$;
CREATE TRIGGER storm_born AFTER INSERT ON tasks_job FOR EACH ROW EXECUTE FUNCTION storm_note();
CREATE TRIGGER storm_changed AFTER UPDATE OF state, result, error, finished_at ON tasks_job FOR EACH ROW
WHEN (OLD.state <> NEW.state OR OLD.state NOT IN ('queued', 'running')) EXECUTE FUNCTION storm_note();
"""
CHANGES = "SELECT replace(job, '-', ''), old, new, worker, pid, at FROM storm_audit WHERE at > {since} ORDER BY number"
ROWS = """
SELECT replace(CAST(id AS text), '-', ''), operation, state, CAST(error AS text), attempts, crashes, losses FROM tasks_job
"""
RUNS = "SELECT 1 FROM tasks_job WHERE state = 'running' AND pid = {pid}"
UNFINISHED = "SELECT count(*) FROM tasks_job WHERE state IN ('queued', 'running')"


class Audit:
    """The storm's own connection to the database of a stack."""

    def __init__(self, database_url: str, folder: Path) -> None:
        """`folder` is the stack's; its SQLite is meant where there is no URL."""
        self.connection = postgresql(database_url) if database_url else sqlite(folder)

    def close(self) -> None:
        self.connection.close()

    def install(self) -> None:
        if isinstance(self.connection, sqlite3.Connection):
            self.connection.executescript(SQLITE)
        else:
            self.connection.execute(POSTGRESQL)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        if isinstance(self.connection, sqlite3.Connection):
            return self.connection.execute(statement).fetchall()
        return self.connection.execute(statement).fetchall()

    def runs(self, pid: int) -> bool:
        """Whether this process runs a job now."""
        return bool(self.ask(RUNS.format(pid=pid)))

    def unfinished(self) -> int:
        [(count,)] = self.ask(UNFINISHED)
        return int(count)

    def changes(self, since: float = 0.0) -> list[Change]:
        found = self.ask(CHANGES.format(since=since))
        return [Change(job, old, new, worker.partition("@")[0], pid, at) for job, old, new, worker, pid, at in found]

    def rows(self) -> dict[str, Row]:
        return {row[0]: row_of(*row) for row in self.ask(ROWS)}


def row_of(job: str, operation: str, state: str, error: str | None, attempts: int, crashes: int, losses: int) -> Row:
    code = (json.loads(error or "null") or {}).get("code", "")
    return Row(job, operation, state, code, attempts, crashes, losses)


def sqlite(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "fitsize.sqlite3", timeout=10, isolation_level=None)


def postgresql(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    parts = environ.Env.db_url_config(url)
    return psycopg.connect(
        dbname=parts["NAME"],
        host=parts["HOST"],
        port=parts["PORT"] or None,
        user=parts["USER"],
        password=parts["PASSWORD"],
        autocommit=True,
    )
