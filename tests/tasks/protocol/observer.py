"""An independent observer: triggers write down every change of a job's row, and each is judged as that of whoever made it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import connection

from tasks.models import ENDED, Delivery, Input, Job, Quarantine, SavedFile, State, counters
from tests.tasks.protocol.world import CRASHES, Actor, World

Row = dict[str, Any]
WATCHED = ("id", "operation", "state", "lease", "life", "pid", "stopping", "cancel_requested", "result", "error", "attempts", "crashes") + (
    "losses",
    "checkpoint_step",
    "checkpoint_file",
    "deadline_seconds",
    "erased_at",
    "fresh_child",
)
POISON = ("die", "eat")
LAST_CRASH, LAST_LOSS = 3, 10
TABLES = {
    "sqlite": [
        "CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, before TEXT, after TEXT)",
        "CREATE TABLE effect (job TEXT, lease TEXT)",
    ],
    "postgresql": ["CREATE TABLE audit (id BIGSERIAL PRIMARY KEY, before TEXT, after TEXT)", "CREATE TABLE effect (job TEXT, lease TEXT)"],
}
EVENTS = {"insert": ("NULL", "NEW"), "update": ("OLD", "NEW"), "delete": ("OLD", "NULL")}
NOTE = "INSERT INTO audit (before, after) SELECT before, after FROM (SELECT {before} AS before, {after} AS after) AS seen"
CHANGED = " WHERE before IS NULL OR after IS NULL OR before <> after"
TRIGGERS = {
    "sqlite": "CREATE TRIGGER audit_{event} AFTER {event} ON tasks_job BEGIN {note}; END",
    "postgresql": """
        CREATE FUNCTION audit_{event}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {note}; RETURN NULL; END $$;
        CREATE TRIGGER audit_{event} AFTER {event} ON tasks_job FOR EACH ROW EXECUTE FUNCTION audit_{event}()
    """,
}
DROPPED = {"sqlite": "DROP TRIGGER audit_{event}", "postgresql": "DROP FUNCTION audit_{event} CASCADE"}
OBJECT = {"sqlite": "json_object({})", "postgresql": "CAST(jsonb_build_object({}) AS text)"}
AS_TEXT = "CAST({row}.{name} AS text)"
SEEN_AS = {"id": AS_TEXT, "result": AS_TEXT, "error": AS_TEXT, "erased_at": "{row}.erased_at IS NOT NULL"}
ERASED = {"result", "error", "erased_at", "checkpoint_file", "cancel_requested"}
RETRIED = {"state", "error", "lease", "crashes", "losses", "cancel_requested", "checkpoint_step"}


def seen(row: str) -> str:
    """A row as the database tells it: the columns that say who may do what, no times."""
    if row == "NULL":
        return "CAST(NULL AS text)"
    columns = [SEEN_AS.get(name, "{row}.{name}").format(row=row, name=name) for name in WATCHED]
    return OBJECT[connection.vendor].format(", ".join(f"'{name}', {column}" for name, column in zip(WATCHED, columns, strict=True)))


@contextmanager
def audited() -> Iterator[None]:
    with connection.cursor() as cursor:
        for table in TABLES[connection.vendor]:
            cursor.execute(table)
        for event, (before, after) in EVENTS.items():
            note = NOTE.format(before=seen(before), after=seen(after)) + CHANGED
            cursor.execute(TRIGGERS[connection.vendor].format(event=event, note=note))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for event in EVENTS:
                cursor.execute(DROPPED[connection.vendor].format(event=event))
            cursor.execute("DROP TABLE audit")
            cursor.execute("DROP TABLE effect")


def remember_effect(job: Job, result: dict[str, Any]) -> None:
    """The kind's `on_success`: in the transaction that completes the job."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO effect (job, lease) VALUES (%s, %s)", [job.pk.hex, result["lease"]])


def told(text: str | None) -> Row | None:
    if text is None:
        return None
    row: Row = json.loads(text)
    row["id"] = UUID(row["id"]).hex
    row["result"], row["error"] = (json.loads(row[name]) if row[name] else None for name in ("result", "error"))
    return row


@dataclass(frozen=True)
class Claim:
    job: str
    pid: int
    life: str
    at: float


class Observer:
    def __init__(self, world: World) -> None:
        self.world = world
        self.told = 0
        self.claims: dict[str, Claim] = {}
        self.stopped: dict[str, str] = {}  # a lease that a parent wrote over another
        self.running: dict[str, Row] = {}
        self.acceptances: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.effects: Counter[str] = Counter()
        self.counts: Counter[counters.Key] = Counter()
        self.forgotten: set[str] = set()
        self.dead_lives: set[str] = set()
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(id), 0) FROM audit")
            [self.told] = cursor.fetchone() or [0]

    def look(self, actor: Actor) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, before, after FROM audit WHERE id > %s ORDER BY id", [self.told])
            changes = cursor.fetchall()
        for number, before, after in changes:
            self.told, self.world.touched = number, True
            self.judge(actor, told(before), told(after))

    # -- one change
    def judge(self, actor: Actor, before: Row | None, after: Row | None) -> None:
        if before is None:
            assert after is not None
            assert (after["state"], after["lease"], actor.role) == (State.QUEUED, None, "owner"), "a job begins in the queue"
            self.acceptances[after["id"]] += 1
        elif after is None:
            assert before["state"] in ENDED, "only an ended job is forgotten"
            assert before["erased_at"], "only a tombstone is forgotten"
            self.forgotten.add(before["id"])
        else:
            self.judge_update(actor, before, after)

    def judge_update(self, actor: Actor, before: Row, after: Row) -> None:
        changed = {name for name in WATCHED if before[name] != after[name]}
        self.running.pop(after["id"], None)
        if after["state"] == State.RUNNING:
            self.running[after["id"]] = after
        if before["state"] in ENDED:
            self.judge_ended(actor, before, after, changed)
            return
        if after["state"] in ENDED:
            self.ends[after["id"]] += 1
            assert self.ends[after["id"]] <= self.acceptances[after["id"]], "one end for each acceptance"
            code = (after["error"] or {}).get("code", "")
            self.counts[counters.ENDS.of(kind="fakes", operation=after["operation"], state=after["state"], code=code)] += 1
        judge = self.judge_queued if before["state"] == State.QUEUED else self.judge_running
        judge(actor, before, after, changed)

    def judge_ended(self, actor: Actor, before: Row, after: Row, changed: set[str]) -> None:
        if after["state"] == State.QUEUED:
            retried = (actor.role, before["state"], bool(before["erased_at"]))
            assert retried == ("owner", State.FAILED, False), "only its owner retries a failed job"
            assert changed <= RETRIED
            self.acceptances[after["id"]] += 1
            self.counts[counters.RETRIES.of(kind="fakes", operation=after["operation"])] += 1
            return
        assert after["erased_at"] and not before["erased_at"], f"an ended job changed: {changed}"
        assert changed <= ERASED, f"an ended job changed: {changed}"
        assert (after["result"], after["error"]) == (None, None)

    def judge_queued(self, actor: Actor, before: Row, after: Row, changed: set[str]) -> None:
        if after["state"] != State.RUNNING:
            role = "house" if after["state"] == State.EXPIRED else "owner"
            assert actor.role == role or (actor.role, after["state"]) == ("house", State.CANCELED), f"{actor.role} ended a queued job"
            return
        assert actor.role == "child", "only a child claims"
        assert not before["cancel_requested"], "nobody wants it"
        assert (after["life"], after["pid"]) == (actor.life, actor.pid), "a claim under another's name"
        assert after["lease"] not in self.claims, "a lease of its own"
        others = [row for row in self.running.values() if row["pid"] == actor.pid and not row["stopping"] and row["id"] != after["id"]]
        assert others == [], "a child claims while it holds another job"
        assert after["attempts"] == before["attempts"] + 1
        self.claims[after["lease"]] = Claim(after["id"], actor.pid, actor.life, self.world.clock.now)

    def judge_running(self, actor: Actor, before: Row, after: Row, changed: set[str]) -> None:
        if after["state"] == State.RUNNING:
            self.judge_at_work(actor, before, after, changed)
            return
        getattr(self, f"let_go_by_{actor.role}")(actor, before, after)
        self.judge_end(before, after)
        self.judge_blame(actor, before, after)

    def judge_at_work(self, actor: Actor, before: Row, after: Row, changed: set[str]) -> None:
        if "lease" in changed:
            assert (actor.role, actor.life) == ("parent", before["life"]), "only its parent takes a lease away"
            assert before["stopping"] == ""
            self.stopped[after["lease"]] = after["stopping"]
            self.judge_stop(before, after)
            return
        if after["checkpoint_file"] and "checkpoint_file" in changed:
            assert before["lease"] in self.claims, "a checkpoint of a lost lease"
            assert f"/{before['lease']}-" in after["checkpoint_file"], "a checkpoint of a lost lease"
            assert actor.pid == self.claims[before["lease"]].pid, "a checkpoint of somebody else"
            assert after["checkpoint_step"] > before["checkpoint_step"], "a step back"
            return
        assert actor.role == "owner" or (actor.role == "house" and "erased_at" in changed), f"{actor.role} changed {changed}"
        assert changed <= ERASED, f"{actor.role} changed {changed}"

    def judge_stop(self, before: Row, after: Row) -> None:
        if after["stopping"] == "canceled":
            assert before["cancel_requested"], "stopped though it is wanted"
        elif after["stopping"] == "memory":
            assert before["operation"] == "eat", "stopped for its memory"
        else:
            ran = self.world.clock.now - self.claims[before["lease"]].at
            assert ran > before["deadline_seconds"], f"stopped after {ran} s"

    # -- who lets go of a running job
    def let_go_by_child(self, actor: Actor, before: Row, after: Row) -> None:
        assert (before["life"], before["pid"]) == (actor.life, actor.pid), "a child let go of what another runs"
        assert before["lease"] in self.claims, "a child let go of what its parent has taken"

    def let_go_by_parent(self, actor: Actor, before: Row, after: Row) -> None:
        assert before["life"] == actor.life, "a parent let go of what another worker runs"
        assert self.is_dead(before["pid"]), "a parent let go of what a living child runs"

    def let_go_by_main(self, actor: Actor, before: Row, after: Row) -> None:
        assert before["life"] == actor.life or before["life"] in self.dead_lives, "a worker let go of what another living one runs"
        assert self.is_dead(before["pid"]), "a worker let go of what a living child runs"

    def let_go_by_house(self, actor: Actor, before: Row, after: Row) -> None:
        """Of a frozen worker too: who loses its lease is not heard any more."""

    def is_dead(self, pid: int) -> bool:
        return not self.world.kernel.processes[pid].alive

    # -- what became of it
    def judge_end(self, before: Row, after: Row) -> None:
        if before["cancel_requested"]:
            assert after["state"] == State.CANCELED, "a job that nobody wants ended as something else"
        if after["state"] == State.SUCCEEDED:
            assert after["result"] == {"lease": before["lease"]}, "the result of another lease"
            assert before["lease"] in self.claims, "the result of a lost lease"
            assert before["operation"] not in POISON
            self.effects[after["id"]] += 1
        else:
            assert after["result"] is None
        if after["state"] == State.FAILED:
            self.judge_failure(before, after)
        else:
            assert after["error"] is None
        assert after["lease"] == (before["lease"] if after["state"] in ENDED else None)
        assert after["stopping"] == ""

    def judge_failure(self, before: Row, after: Row) -> None:
        code = after["error"]["code"]
        if code == "worker_crashed":
            assert before["operation"] in POISON, "an innocent was convicted"
            assert (after["crashes"], before["fresh_child"]) == (LAST_CRASH, True)
        elif code == "worker_lost":
            assert after["losses"] == LAST_LOSS
        elif code == "timeout":
            assert self.stopped.get(before["lease"]) == "timeout", "a deadline that no parent has seen"
        else:
            assert (code, before["operation"]) == ("no_face", "refuse"), f"an innocent failed: {after['error']}"

    def judge_blame(self, actor: Actor, before: Row, after: Row) -> None:
        end = self.world.kernel.ends.get(before["pid"])
        if after["crashes"] > before["crashes"]:
            assert after["crashes"] == before["crashes"] + 1
            assert before["stopping"] == "memory" or (end is not None and end.signal in CRASHES), f"a crash for a {end}"
            assert before["stopping"] in ("", "memory")
            self.counts[counters.CRASHES.of(kind="fakes", operation=after["operation"])] += 1
        if after["losses"] > before["losses"]:
            self.counts[counters.LOSSES.of(kind="fakes", operation=after["operation"])] += 1
            assert after["losses"] == before["losses"] + 1
            late = before["stopping"] == "memory" and before["crashes"] == 2  # the third crash must happen in a fresh child
            assert late or not before["stopping"], "a loss for a job that was stopped"
            if actor.role == "parent":
                assert end is not None
                assert late or not end.ordered, "a loss for a death that was ordered"
            if actor.role == "child":
                assert actor.troubled, "a loss without a cause"

    # -- all rows at once
    def audit_counters(self) -> None:
        """Whatever has been erased and forgotten since, and whoever died while he counted."""
        totals = counters.Counter.objects.totals()
        names = {event.name for event in (counters.ENDS, counters.RETRIES, counters.CRASHES, counters.LOSSES)}
        assert {key: value for key, value in totals.items() if key[0] in names} == self.counts, "every end is counted once"

    def survey(self, accepted: set[str]) -> None:
        if not self.world.touched:
            return
        self.world.touched = False
        rows = {job.pk.hex: job for job in Job.objects.all()}
        assert accepted <= rows.keys() | self.forgotten, "an accepted job is in the database"
        with connection.cursor() as cursor:
            cursor.execute("SELECT job, lease FROM effect")
            effects = cursor.fetchall()
        assert Counter(job for job, _ in effects) == self.effects, "an effect for each success"
        for job, lease in effects:
            assert job not in rows or rows[job].lease == lease, "the effect of another lease"
        for saved in SavedFile.objects.all():
            self.judge_file(rows[saved.job_id.hex], saved)
        stored: dict[str, list[str]] = {pk: [] for pk in rows}
        for owner, name in Input.objects.filter(job__inputs_kept=True).values_list("job_id", "file"):
            stored[owner.hex].append(name)
        deliveries = Counter(job.hex for job in Delivery.objects.values_list("job_id", flat=True))
        for pk, job in rows.items():
            self.judge_row(job, stored[pk])
            assert deliveries[pk] == (self.ends[pk] if job.endpoint_id else 0), "each end is told once"
        convicted = set(Quarantine.objects.values_list("operation", flat=True))
        assert convicted <= set(POISON), "an innocent's input is refused"

    def judge_file(self, job: Job, saved: SavedFile) -> None:
        assert (job.state, job.erased_at) == (State.SUCCEEDED, None)
        assert f"/{job.lease}-" in saved.file, "a file of another lease"
        with default_storage.open(saved.file) as file:
            assert file.read().decode() == job.lease, "a file of another lease"

    def judge_row(self, job: Job, stored: list[str]) -> None:
        for name in stored:
            assert default_storage.exists(name), "an input that is needed is gone"
        if not job.inputs_kept:
            assert stored == []
        if job.checkpoint_file:
            assert not job.ended
            assert default_storage.exists(job.checkpoint_file), "a checkpoint that is needed is gone"
