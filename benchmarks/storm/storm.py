"""One storm: a stack, its clients, the kills and what a supervisor does about them; the books of it at the end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx

from benchmarks.storm.account import Answer, Books
from benchmarks.storm.audit import Audit
from benchmarks.storm.clients import Assignment, written
from benchmarks.storm.history import History, Kill, met, recovery
from benchmarks.storm.kills import is_back, strike
from benchmarks.storm.plan import WORKERS, Blow, Plan, blows
from tests.stack import ROOT, Stack

LOOK_SECONDS = 0.02
AIM_SECONDS = 0.003
AIM_PATIENCE_SECONDS = 10.0  # after this a blow falls, aimed or not
SAY_SECONDS = 10.0
PROBE_SECONDS = 1.0
Say = Callable[[str], None]


class Lines:
    """What another process has written to a file, as far as its lines are whole."""

    def __init__(self, path: Path) -> None:
        self.file = open(path)  # noqa: SIM115 (closed by its user)
        self.rest = ""

    def new(self) -> list[str]:
        *whole, self.rest = (self.rest + self.file.read()).split("\n")
        return whole


class Storm:
    """`say` gets a line of progress now and then."""

    def __init__(self, stack: Stack, audit: Audit, plan: Plan, say: Say) -> None:
        self.stack, self.audit, self.plan, self.say = stack, audit, plan, say
        self.answers: list[Answer] = []
        self.probes: list[Answer] = []
        self.counts: Counter[str] = Counter()  # other events by name
        self.refused: Counter[str] = Counter()  # by status
        self.blows: list[Blow] = blows(plan)
        self.kills: list[Kill] = []
        self.aiming_since: float | None = None
        self.begun = self.said_at = self.moved_at = time.monotonic()

    def run(self) -> Books:
        with self.clients() as process, closing((lines := Lines(self.file)).file):
            while process.poll() is None and not self.stuck:
                self.read(lines)
                self.tick()
            self.read(lines)
            assert process.returncode in (0, None), f"the clients ended with {process.returncode}"
        self.settle()
        return self.books()

    @property
    def stuck(self) -> bool:
        """No job has ended for so long that none will."""
        return time.monotonic() - self.moved_at > self.plan.patience_seconds

    def tick(self) -> None:
        """What a supervisor does, what falls due, and what has become of earlier kills."""
        self.stack.mend()
        self.look_for_the_killed()
        if self.blows and len(self.answers) >= self.blows[0].due:
            self.strike(self.blows[0])
        if time.monotonic() - self.said_at > SAY_SECONDS:
            self.said_at = time.monotonic()
            self.say(self.progress())
        time.sleep(LOOK_SECONDS if self.aiming_since is None else AIM_SECONDS)

    def progress(self) -> str:
        dead = [name for name, program in self.stack.programs.items() if not program.running]
        seconds = time.monotonic() - self.begun
        jobs = f"{len(self.answers)} of {self.plan.jobs} jobs over, {self.audit.unfinished()} unfinished"
        return f"{seconds:6.0f} s  {jobs}, {len(self.kills)} of {self.plan.kills} kills{', down: ' + ', '.join(dead) if dead else ''}"

    # -- the clients
    @property
    def file(self) -> Path:
        return self.stack.folder / "clients.jsonl"

    @contextmanager
    def clients(self) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "benchmarks.storm.clients"]
        assignment = Assignment(f"http://{self.stack.bind}", self.stack.key, self.plan)
        with open(self.file, "w") as output:
            process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=output, text=True)
        try:
            with process.stdin as pipe:  # type: ignore[union-attr]  # a pipe was asked for
                pipe.write(written(assignment))
            yield process
        finally:
            process.kill()
            process.wait()

    def read(self, lines: Lines) -> None:
        for line in lines.new():
            facts = json.loads(line)
            event = facts.pop("event")
            if event == "answer":
                self.answers.append(answer := Answer(**facts))
                self.moved_at = time.monotonic() if answer.state else self.moved_at
            elif event == "refused":
                self.refused[str(facts["status"])] += 1
            else:
                self.counts[event] += 1

    # -- the kills
    def strike(self, blow: Blow) -> None:
        """Now, if it can be done now. An aimed blow waits for a running job, but not for ever."""
        now = time.monotonic()
        if blow.aimed and self.aiming_since is None:
            self.aiming_since = now
        patient = self.aiming_since is not None and now - self.aiming_since < AIM_PATIENCE_SECONDS
        if kill := strike(self.stack, self.audit, blow, aimed=blow.aimed and patient):
            self.kills.append(kill)
            self.blows.pop(0)
            self.aiming_since = None

    def look_for_the_killed(self) -> None:
        for kill in self.kills:
            if kill.back_at is None and is_back(self.stack, kill):
                kill.back_at = time.time()

    # -- afterwards
    def settle(self) -> None:
        """Until every job has ended and everything that was killed does its work again, or until patience is over."""
        self.tick_while(self.busy, self.plan.patience_seconds)
        end = time.monotonic() + self.plan.patience_seconds
        waiting = self.unrecovered(self.kills)
        while waiting and time.monotonic() < end:
            self.probe()
            self.tick_while(lambda: True, PROBE_SECONDS)
            waiting = self.unrecovered(waiting)
        if self.probes:
            self.tick_while(self.busy, self.plan.patience_seconds)

    def tick_while(self, waits: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and waits():
            self.tick()

    def busy(self) -> bool:
        return bool(self.blows or self.audit.unfinished()) or not all(kill.back_at for kill in self.kills)

    def unrecovered(self, kills: list[Kill]) -> list[Kill]:
        history = History(self.audit.changes(since=min((kill.at for kill in kills), default=0.0)))
        return [kill for kill in kills if recovery(kill, history) is None]

    def probe(self) -> None:
        """A job for each worker: a recovery shows only in work. Those belong to the account like all others."""
        for _ in WORKERS:
            try:
                answer = self.stack.http.post("/api/v1/fakes/sleep", json={"seconds": 0.3})
            except httpx.TransportError:
                self.counts["broken"] += 1
                continue
            if answer.status_code == 202:
                self.probes.append(Answer(answer.json()["id"].replace("-", "")))

    def books(self) -> Books:
        history = History(self.audit.changes())
        return Books(
            planned=self.plan.jobs,
            answers=[*self.answers, *self.probes],
            rows=self.audit.rows(),
            history=history,
            met=[met(kill, history) for kill in self.kills],
            kills_planned=self.plan.kills,
            probes=len(self.probes),
            broken=self.counts["broken"],
            unreachable=self.counts["unreachable"],
            put_off=self.counts["put_off"],
            refused=self.refused,
        )


def storm(plan: Plan, folder: Path, database_url: str, say: Say) -> Books:
    """A whole storm in this folder, which keeps the logs. An empty URL is a SQLite of its own."""
    with Stack(folder, database_url, workers=WORKERS) as stack, closing(Audit(database_url, folder)) as audit:
        audit.install()
        return Storm(stack, audit, plan, say).run()
