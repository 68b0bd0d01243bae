"""What the database, the disk and the logs say after a load: an answer alone proves little."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing, suppress
from typing import Any

from tests.stack import Stack, eventually

TROUBLE = re.compile(r"Traceback|\b(?:WARNING|ERROR|CRITICAL)\b|\b(?:Exception|Error)\b|\blevel=(?:warning|error|critical)\b")
USUAL = re.compile(
    r"superuser privileges|SecurityWarning|Memory overcommit must be enabled"
)  # Celery's word to root, Redis' about its machine
LINES = 20
DISCARDED_SECONDS = 2.0


def truth(stack: Stack) -> dict[str, Any]:
    """`states`: jobs by state, and how many were tried more than once; stored inputs left on disk; suspicious lines of the logs."""
    with closing(sqlite3.connect(f"file:{stack.folder / 'fitsize.sqlite3'}?mode=ro", uri=True)) as database:
        states = dict(database.execute("SELECT state, count(*) FROM tasks_job GROUP BY state").fetchall())
        again = database.execute("SELECT count(*) FROM tasks_job WHERE attempts != 1").fetchone()[0]
    with suppress(AssertionError):
        eventually(lambda: not stored_files(stack), DISCARDED_SECONDS)  # a worker discards the last one beside its next work
    files = stored_files(stack)
    lines = [f"{name}: {line}" for name in stack.programs for line in stack.log(name).splitlines() if suspicious(line)]
    fine = set(states) == {"succeeded"} and again == 0 and files == 0 and not lines
    return {"fine": fine, "states": states, "tried_again": again, "files_left": files, "suspicious": len(lines), "log_lines": lines[:LINES]}


def stored_files(stack: Stack) -> int:
    return sum(path.is_file() for path in (stack.folder / "files").rglob("*"))


def suspicious(line: str) -> bool:
    return bool(TROUBLE.search(line)) and not USUAL.search(line)
