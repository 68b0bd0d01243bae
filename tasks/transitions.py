"""The statements of the protocol, for SQLite and PostgreSQL: who may change a row of `tasks_job`, and under which condition.

Each change of state is one UPDATE with its condition inside; nobody reads first and writes later (ENGINE.md, "Claim and complete").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import InterfaceError, OperationalError, connection

from tasks.clock import SQLITE_FORMAT

AWAY = (OperationalError, InterfaceError)  # the database, for now; any other of its errors comes again


@dataclass(frozen=True)
class Dialect:
    now: str
    seconds_ago: str
    seconds_left: str
    json: str
    inputs: str
    seconds_between: str
    code: str
    skip_locked: str = ""
    key_share: str = ""
    lazy_commit: str = ""


SQLITE = Dialect(
    now=f"strftime('{SQLITE_FORMAT}', 'now')",
    seconds_ago=f"strftime('{SQLITE_FORMAT}', 'now', -%(seconds)s || ' seconds')",
    seconds_left="%(seconds)s - (julianday('now') - julianday(created_at)) * 86400",
    json="%({})s",
    inputs="json_group_object(role, file)",
    seconds_between="(julianday({1}) - julianday({0})) * 86400",
    code="json_extract(error, '$.code')",
)
# A claim lost in a power cut leaves the job queued, so nobody need wait for the disk there (submit and end do wait): PostgreSQL is told
# in the statement, SQLite by `commit_unsynced`.
POSTGRESQL = Dialect(
    now="clock_timestamp()",
    seconds_ago="clock_timestamp() - make_interval(secs => %(seconds)s)",
    seconds_left="%(seconds)s - extract(epoch FROM clock_timestamp() - created_at)",
    json="CAST(%({})s AS jsonb)",
    inputs="CAST(json_object_agg(role, file) AS text)",
    seconds_between="CAST(extract(epoch FROM {1} - {0}) AS double precision)",
    code="error ->> 'code'",
    skip_locked="FOR UPDATE SKIP LOCKED",
    key_share="FOR KEY SHARE",
    lazy_commit=", set_config('synchronous_commit', 'off', true) AS lazy_commit",
)

DIALECTS = {"sqlite": SQLITE, "postgresql": POSTGRESQL}

CLAIM = """
UPDATE tasks_job SET state = 'running', lease = %(lease)s, attempts = attempts + 1, worker = %(worker)s, life = %(life)s, pid = %(pid)s,
    fresh_child = %(fresh)s, started_at = {now}, expires_at = NULL,
    progress = 0, progress_step = '', resumed_step = checkpoint_step
WHERE state = 'queued' AND id = (
    SELECT id FROM tasks_job
    WHERE kind = %(kind)s AND state = 'queued' AND NOT cancel_requested AND (expires_at IS NULL OR expires_at > {now})
    ORDER BY priority, turn, created_at, id LIMIT 1 {skip_locked}
)
RETURNING {columns}, (SELECT {inputs} FROM tasks_input WHERE job_id = tasks_job.id) AS inputs{lazy_commit}
"""

# A job that is wanted no more is canceled, whatever else would have become of it. An ended row keeps its lease token: a repeated commit
# whose answer was lost recognises itself. A queued row has none.
LET_GO = """
UPDATE tasks_job SET
    state = CASE WHEN cancel_requested THEN 'canceled' ELSE %(state)s END,
    result = CASE WHEN cancel_requested THEN NULL ELSE {result} END,
    error = CASE WHEN cancel_requested THEN NULL ELSE {error} END,
    warnings = CASE WHEN cancel_requested THEN {no_warnings} ELSE {warnings} END,
    lease = CASE WHEN cancel_requested OR %(ended)s THEN lease ELSE NULL END,
    finished_at = CASE WHEN cancel_requested OR %(ended)s THEN {now} ELSE NULL END,
    checkpoint_file = CASE WHEN cancel_requested OR %(ended)s THEN '' ELSE checkpoint_file END,
    inputs_kept = inputs_kept AND (%(keep_inputs)s OR NOT (cancel_requested OR %(ended)s)),
    attempts = attempts + %(attempts)s, crashes = crashes + %(crashes)s, losses = losses + %(losses)s, stopping = ''
WHERE id = %(id)s AND lease = %(lease)s AND state = 'running'
RETURNING state
"""

# A queued job is canceled at once; a running one when its worker lets go of it.
CANCEL = """
UPDATE tasks_job SET
    cancel_requested = true,
    inputs_kept = inputs_kept AND (%(keep_inputs)s OR state <> 'queued'),
    finished_at = CASE WHEN state = 'queued' THEN {now} ELSE finished_at END,
    checkpoint_file = CASE WHEN state = 'queued' THEN '' ELSE checkpoint_file END,
    state = CASE WHEN state = 'queued' THEN 'canceled' ELSE state END
WHERE id = %(id)s AND state IN ('queued', 'running')
RETURNING state
"""

EXPIRE = """
UPDATE tasks_job SET state = 'expired', finished_at = {now}, inputs_kept = inputs_kept AND %(keep_inputs)s
WHERE id = %(id)s AND state = 'queued' AND expires_at <= {now}
RETURNING state
"""

# The counters begin anew: what happened before is not held against an attempt that somebody asked for.
RETRY = """
UPDATE tasks_job SET
    state = 'queued', turn = %(turn)s, crashes = 0, losses = 0, lease = NULL, error = NULL, finished_at = NULL, cancel_requested = false,
    checkpoint_step = 0, counted = false, retried_at = {now}
WHERE id = %(id)s AND state = 'failed' AND inputs_kept AND erased_at IS NULL AND lease = %(lease)s
RETURNING state
"""

# What the caller sent and got is gone at once, in any state; a running job goes the way of a cancel.
ERASE = """
UPDATE tasks_job SET
    erased_at = {now}, parameters = {parameters}, result = NULL, error = NULL, warnings = {no_warnings}, progress_step = '',
    checkpoint_file = '', inputs_kept = false,
    cancel_requested = CASE WHEN state IN ('queued', 'running') THEN true ELSE cancel_requested END,
    finished_at = CASE WHEN state = 'queued' THEN {now} ELSE finished_at END,
    state = CASE WHEN state = 'queued' THEN 'canceled' ELSE state END
WHERE id = %(id)s AND erased_at IS NULL
RETURNING state
"""

PROGRESS = """
UPDATE tasks_job SET progress = %(fraction)s, progress_step = %(step)s
WHERE id = %(id)s AND lease = %(lease)s AND state = 'running' AND NOT cancel_requested
RETURNING id
"""

CHECKPOINT = """
UPDATE tasks_job SET checkpoint_step = %(step)s, checkpoint_file = %(file)s
WHERE id = %(id)s AND lease = %(lease)s AND state = 'running' AND NOT cancel_requested
RETURNING id
"""

# The news of an end, in the transaction of that end. The endpoint is locked, or it could be deleted before the commit, which would fail.
TELL = """
INSERT INTO tasks_delivery (id, job_id, endpoint_id, event, state, claims, tries_left, attempts, created_at, next_attempt_at)
SELECT %(id)s, %(job)s, id, %(event)s, CASE WHEN disabled_at IS NULL THEN 'pending' ELSE 'canceled' END, 0, %(tries)s, '[]', {now}, {now}
FROM tasks_webhookendpoint WHERE id = %(endpoint)s {key_share}
RETURNING id
"""

RUNNING = "SELECT {columns} FROM tasks_job WHERE life = %(life)s AND state = 'running'"
# The order, which nobody needs, is that of the index: SQLite reads a whole table of waiting jobs for a kind that has none among them.
WAITING = """
SELECT id FROM tasks_job WHERE kind = %(kind)s AND state = 'queued' AND NOT cancel_requested ORDER BY priority, turn LIMIT 1
"""
OF_OWNER = "SELECT {columns} FROM tasks_job WHERE id = %(id)s AND owner_id = %(owner)s"
WANTED = "SELECT id FROM tasks_job WHERE id = %(id)s AND lease = %(lease)s AND state = 'running' AND NOT cancel_requested"
INPUTS = "SELECT role, file FROM tasks_input WHERE job_id = %(id)s"
KEEP_INPUTS_NO_MORE = """
UPDATE tasks_job SET inputs_kept = false WHERE id = %(id)s AND inputs_kept AND finished_at IS NOT NULL RETURNING id
"""
DELETE_INPUTS = "DELETE FROM tasks_input WHERE job_id = %(id)s RETURNING file"
QUARANTINED = "SELECT id FROM tasks_quarantine WHERE owner_id = %(owner)s AND fingerprint = %(fingerprint)s AND until > {now}"
FILES = "SELECT name, content_type, size FROM tasks_savedfile WHERE job_id = %(id)s AND NOT private ORDER BY id"

# What is counted of an end. Of what ended in the queue, where it holds no lease, there is no wait and no run.
END = """kind, operation, state, coalesce({code}, ''),
    CASE WHEN lease IS NOT NULL THEN {waited} END, CASE WHEN lease IS NOT NULL THEN {ran} END"""
COUNT_ENDS = """
UPDATE tasks_job SET counted = true WHERE finished_at IS NOT NULL AND NOT counted AND id IN (
    SELECT id FROM tasks_job WHERE finished_at IS NOT NULL AND NOT counted LIMIT %(batch)s {skip_locked}
)
RETURNING {end}
"""
COUNT_END = """
UPDATE tasks_job SET counted = true WHERE id = %(id)s AND finished_at IS NOT NULL AND NOT counted RETURNING {end}
"""
# One statement, one moment: an end is either in a counter already or among those that are not counted yet.
COUNTED = """
SELECT name, labels, value, NULL, NULL, NULL, NULL, NULL, NULL FROM tasks_counter
UNION ALL
SELECT NULL, NULL, NULL, {end} FROM tasks_job WHERE finished_at IS NOT NULL AND NOT counted
"""
QUEUES = """
SELECT kind, count(*), max({waiting}) FROM tasks_job WHERE state = 'queued' GROUP BY kind
"""
COUNT = """
INSERT INTO tasks_counter (name, labels, value) VALUES {values}
ON CONFLICT (name, labels) DO UPDATE SET value = tasks_counter.value + excluded.value
RETURNING id
"""

# Each count ends at its limit: a queue may be long.
LIMITS = """
SELECT
    (SELECT count(*) FROM (SELECT 1 FROM tasks_job WHERE api_key = %(key)s AND created_at > {seconds_ago} LIMIT %(rate)s) AS submitted),
    (SELECT count(*) FROM (SELECT 1 FROM tasks_job WHERE api_key = %(key)s AND state = 'queued' LIMIT %(queued)s) AS queued),
    (SELECT count(*) FROM (SELECT 1 FROM tasks_job WHERE kind = %(kind)s AND state = 'queued' LIMIT %(depth)s) AS waiting),
    (SELECT reason FROM tasks_maintenance LIMIT 1)
"""
OLDEST_OF_MINUTE = """
SELECT {seconds_left} FROM tasks_job WHERE api_key = %(key)s ORDER BY created_at DESC LIMIT 1 OFFSET %(rate)s - 1
"""

TURN = """
SELECT
    coalesce(
        (SELECT min(turn) FROM tasks_job WHERE state = 'queued' AND kind = %(kind)s AND priority = %(priority)s AND started_at IS NULL),
        (SELECT min(turn) FROM tasks_job WHERE state = 'queued' AND kind = %(kind)s AND priority = %(priority)s)
    ),
    (SELECT max(turn) FROM tasks_job WHERE state = 'queued' AND owner_id = %(owner)s AND kind = %(kind)s AND priority = %(priority)s)
"""


# In the order of an index, so that what is served later is not looked at, however much that is. Two counts: PostgreSQL ends a scan only at
# the first column of a row of values.
AHEAD = """
SELECT (
    SELECT count(*) FROM (
        SELECT 1 FROM tasks_job WHERE kind = %(kind)s AND state = 'queued' AND priority < %(priority)s LIMIT %(cap)s
    ) AS of_higher_priority
) + (
    SELECT count(*) FROM (
        SELECT 1 FROM tasks_job
        WHERE kind = %(kind)s AND state = 'queued' AND priority = %(priority)s AND (turn, created_at) < (%(turn)s, %(created_at)s)
        ORDER BY turn, created_at LIMIT %(cap)s
    ) AS of_its_own
)
"""


@cache
def claim_statement(vendor: str, columns: str, *, synced: bool) -> str:
    dialect = DIALECTS[vendor]
    return CLAIM.format(
        now=dialect.now,
        skip_locked=dialect.skip_locked,
        columns=columns,
        inputs=dialect.inputs,
        lazy_commit="" if synced else dialect.lazy_commit,
    )


@cache
def statement(template: str, vendor: str) -> str:
    """A template above in this database's words."""
    dialect = DIALECTS[vendor]
    fields = {name: dialect.json.format(name) for name in ("result", "error", "warnings", "no_warnings", "parameters")}
    fields["waited"] = dialect.seconds_between.format("coalesce(retried_at, created_at)", "started_at")
    fields["waiting"] = dialect.seconds_between.format("coalesce(retried_at, created_at)", dialect.now)
    fields["ran"] = dialect.seconds_between.format("started_at", "finished_at")
    fields |= {name: getattr(dialect, name) for name in ("now", "seconds_ago", "seconds_left", "skip_locked", "code", "key_share")}
    return template.format(**fields, end=END.format(**fields))


def changed(template: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Execute one of the templates above; the rows it answers."""
    return rows(statement(template, connection.vendor), values)


@contextmanager
def commit_unsynced() -> Iterator[None]:
    """What is written here may be taken back by a power cut, and by nothing else: SQLite does not wait for the disk. Within a transaction
    this changes nothing."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    sqlite = connection.connection  # past Django's cursors: twice a claim, a tenth of the time
    sqlite.execute("PRAGMA synchronous = NORMAL")
    try:
        yield
    finally:
        sqlite.execute("PRAGMA synchronous = FULL")


def rows(statement: str, values: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
