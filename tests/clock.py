"""A database whose clock tests can move, seen by every process through the statements as they are.

SQLite: `strftime` is replaced by one of the same name that adds the seconds in a file. PostgreSQL: functions of the clock's names in a
schema that is searched first. The processes' own clocks (`time.monotonic`, `time.time`) stay as they are.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from django.db.backends.signals import connection_created

from tests.postgres import connected

POSTGRESQL = """
CREATE TABLE clock (seconds double precision);
INSERT INTO clock VALUES (0);
CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.clock_timestamp() + make_interval(secs => seconds) FROM public.clock';
CREATE FUNCTION public.statement_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.statement_timestamp() + make_interval(secs => seconds) FROM public.clock';
ALTER ROLE fitsize SET search_path = public, pg_catalog;
"""


def install(file: Path) -> None:
    """For SQLite, in each process: from now on every connection reads its clock through the file."""
    plain = sqlite3.connect(":memory:", check_same_thread=False)

    def strftime(form: str, moment: str, *modifiers: str) -> Any:
        moved = (f"{float(file.read_text())} seconds",) if moment.lower() == "now" and file.exists() else ()
        arguments = (form, moment, *moved, *modifiers)
        return plain.execute(f"SELECT strftime({', '.join('?' * len(arguments))})", arguments).fetchone()[0]

    def replace(connection: Any, **_: Any) -> None:
        if connection.vendor == "sqlite":
            connection.connection.create_function("strftime", -1, strftime)

    connection_created.connect(replace, weak=False)


def install_in_postgresql(url: str) -> None:
    """Before the first migration: columns' defaults remember which function they mean."""
    with connected(url) as connection:
        connection.execute(POSTGRESQL.encode())
