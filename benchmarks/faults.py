"""What dies, what the client sees, how long until work goes on, and what is lost: `make faults`, or
`python -m benchmarks.faults [--rounds 3] [--only TEXT] [--json FILE]`.

Real processes, started again as `manage.py up` does it. Each fault strikes while a job of 1.5 s runs; from then on a client submits one
job after another, waits for each with `?wait=`, and tries again when its connection breaks or is refused. The exit code is 1 if an
accepted job had another end than it should, or none.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from benchmarks import machine
from benchmarks.processes import end_in_order_on_sigterm
from benchmarks.report import spread, table
from tests.postgres import Postgres, Unavailable, private_postgres
from tests.stack import Stack

FOLDER = Path(__file__).resolve().parent.parent / "var" / "benchmarks"
HIT_SECONDS = 1.5
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.05
Blow = Callable[[Stack, str], None]


@dataclass(frozen=True)
class Fault:
    """`strike` does the damage to the stack and the job that runs; `heal` undoes after `seconds` what no supervisor would. `hit` is the
    operation of that job, `end` what must become of it."""

    what: str
    strike: Blow
    heal: Blow | None = None
    seconds: float = 0.0
    mended: bool = True
    workers: tuple[str, ...] = ("fakes",)
    hit: str = "sleep"
    end: str = "succeeded"


def nothing(stack: Stack, job: str) -> None:
    """The job is its own fault."""


def kill_child(stack: Stack, job: str) -> None:
    os.kill(stack.child_of(stack.holder({"id": job})), signal.SIGKILL)


def kill(program: str, number: int = signal.SIGKILL) -> Blow:
    return lambda stack, job: stack.kill(program, number)


def kill_holder(stack: Stack, job: str) -> None:
    stack.kill(stack.holder({"id": job}))


def freeze_holder(stack: Stack, job: str) -> None:
    stack.freeze(stack.holder({"id": job}))


def thaw_workers(stack: Stack, job: str) -> None:
    for name in stack.workers:
        stack.thaw(name)


def cancel(stack: Stack, job: str) -> None:
    stack.http.post(f"/api/v1/jobs/{job}/cancel")


def power_cut(stack: Stack, job: str) -> None:
    for name in list(stack.programs):
        stack.kill_family(name)


PAIR = ("fakes", "fakes-2")
FAULTS = [
    Fault("the model crashes (SIGABRT), once", nothing, hit="die_once"),
    Fault("the model's process is killed (SIGKILL)", kill_child),
    Fault("a native call runs past its deadline of 2 s", nothing, hit="hang", end="failed"),
    Fault("a native call is canceled", cancel, hit="freeze", end="canceled"),
    Fault("a worker is killed; started again under its name", kill("fakes")),
    Fault("a worker is killed for good; another lives", kill_holder, mended=False, workers=PAIR),
    Fault("a worker freezes (SIGSTOP) for 50 s; another lives", freeze_holder, thaw_workers, 50, workers=PAIR),
    Fault("a worker is asked to end (SIGTERM) and started again", kill("fakes", signal.SIGTERM)),
    Fault("the web's master is killed", kill("web")),
    Fault("housekeeping is killed", kill("housekeeping")),
    Fault("Redis is killed and comes back empty", kill("broker")),
    Fault("Redis hangs (SIGSTOP) for 10 s", kill("broker", signal.SIGSTOP), kill("broker", signal.SIGCONT), 10),
    Fault("everything is killed at once", power_cut),
]


class Lock:
    """The database's only lock for writers, held by somebody else. SQLite."""

    def __init__(self) -> None:
        self.held: Any = None

    def take(self, stack: Stack, job: str) -> None:
        self.held = stack.locked()
        self.held.__enter__()

    def give_back(self, stack: Stack, job: str) -> None:
        self.held.__exit__(None, None, None)


def restart(server: Postgres) -> Blow:
    def strike(stack: Stack, job: str) -> None:
        server.stop("immediate")
        server.start()

    return strike


@dataclass
class Seen:
    """What the client saw from the blow on; seconds since then."""

    answers: Counter[str] = field(default_factory=Counter)
    accepted: list[str] = field(default_factory=list)
    first_accepted: float | None = None
    first_ended: float | None = None


class Probe(threading.Thread):
    """A client that wants one job after another, and gives up none."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self.stack, self.seen = stack, Seen()
        self.ended = threading.Event()
        self.begun = time.monotonic()

    def run(self) -> None:
        with httpx.Client(base_url=f"http://{self.stack.bind}", headers=self.stack.headers, timeout=60, trust_env=False) as client:
            while not self.ended.is_set():
                self.submit(client)
                time.sleep(LOOK_SECONDS)

    def submit(self, client: httpx.Client) -> None:
        answer = self.asked(lambda: client.post("/api/v1/fakes/echo", json={"text": "probe"}))
        if answer is not None and answer.status_code == 202:
            self.seen.first_accepted = self.seen.first_accepted or time.monotonic() - self.begun
            self.seen.accepted.append(answer.json()["id"])
            self.follow(client, answer.headers["Location"])

    def follow(self, client: httpx.Client, address: str) -> None:
        """Until the job has ended, or nobody waits any more."""
        while not self.ended.is_set():
            answer = self.asked(lambda: client.get(address, params={"wait": 5}))
            if answer is not None and answer.status_code == 200 and answer.json()["state"] not in ("queued", "running"):
                self.seen.first_ended = self.seen.first_ended or time.monotonic() - self.begun
                return

    def asked(self, ask: Callable[[], httpx.Response]) -> httpx.Response | None:
        """The answer; None where the connection broke or was refused."""
        try:
            answer = ask()
        except httpx.TransportError as error:
            self.seen.answers[type(error).__name__] += 1
            time.sleep(LOOK_SECONDS)
            return None
        self.seen.answers[str(answer.status_code)] += 1
        return answer


def measured(stack: Stack, fault: Fault) -> dict[str, Any]:
    """One blow, and what followed."""
    stack.only(*fault.workers)
    marker = str(stack.folder / f"marker-{time.monotonic_ns()}")
    hit = stack.submit(fault.hit, seconds=60 if fault.hit in ("hang", "freeze") else HIT_SECONDS, marker=marker)
    stack.running(hit)
    fault.strike(stack, hit["id"])
    probe = Probe(stack)
    probe.start()
    hit_after = followed(stack, fault, hit["id"], probe)
    probe.ended.set()
    while probe.is_alive():
        mend(stack, fault)
    lost = unfinished(stack, fault, [hit["id"]], [fault.end]) + unfinished(stack, fault, probe.seen.accepted, ["succeeded"])
    return {
        "fault": fault.what,
        "answers": dict(probe.seen.answers),
        "accepted_after": probe.seen.first_accepted,
        "work_after": probe.seen.first_ended,
        "hit_ended_after": hit_after,
        "hit_attempts": stack.charges({"id": hit["id"]})[0],
        "accepted": len(probe.seen.accepted) + 1,
        "lost": lost,
    }


def followed(stack: Stack, fault: Fault, hit: str, probe: Probe) -> float:
    """Until the job that was hit has ended and a probe came through; seconds from the blow to that job's end."""
    hit_after, healed = None, fault.heal is None
    while time.monotonic() - probe.begun < PATIENCE_SECONDS:
        mend(stack, fault)
        since = time.monotonic() - probe.begun
        if fault.heal and not healed and since > fault.seconds:
            fault.heal(stack, hit)
            healed = True
        if hit_after is None and state_of(stack, hit) not in ("queued", "running", "unknown"):
            hit_after = since
        if hit_after is not None and healed and probe.seen.first_ended:
            return hit_after
    return PATIENCE_SECONDS if hit_after is None else hit_after


def mend(stack: Stack, fault: Fault) -> None:
    if fault.mended:
        stack.mend()
    time.sleep(LOOK_SECONDS)


def state_of(stack: Stack, job: str) -> str:
    """By the database: the web may be what was hit."""
    try:
        [(state,)] = stack.row({"id": job}, "state")
        return str(state)
    except Exception:  # the database itself may be what was hit
        return "unknown"


def unfinished(stack: Stack, fault: Fault, jobs: list[str], ends: list[str]) -> int:
    """How many of the accepted jobs do not come to the end that they should."""
    until = time.monotonic() + PATIENCE_SECONDS
    left = set(jobs)
    while left and time.monotonic() < until:
        left = {job for job in left if state_of(stack, job) not in ends}
        mend(stack, fault)
    return len(left)


@contextmanager
def stacks() -> Iterator[list[tuple[Stack, list[Fault]]]]:
    """A stack for each database, with the faults that are tried on it; without PostgreSQL it says so and goes on."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    lock = Lock()
    locked = Fault("the database is locked for 15 s (SQLite)", lock.take, lock.give_back, 15)
    with ExitStack() as opened:
        folders = [Path(opened.enter_context(TemporaryDirectory(dir=FOLDER, prefix="faults-"))) for _ in range(2)]
        found = [(opened.enter_context(Stack(folders[0])), [*FAULTS, locked])]
        try:
            server = opened.enter_context(private_postgres())
            restarted = Fault("PostgreSQL crashes and is started again", restart(server))
            found.append((opened.enter_context(Stack(folders[1], server.url)), [restarted]))
        except Unavailable as reason:
            print(f"without PostgreSQL: {reason}", file=sys.stderr)
        yield found


def benchmark(rounds: int, only: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"machine": machine.description(), "rounds": rounds, "runs": []}
    with stacks() as found:
        for _ in range(rounds):
            for stack, faults in found:
                for fault in faults:
                    if only in fault.what:
                        facts["runs"].append(run := measured(stack, fault))
                        print(json.dumps(run), file=sys.stderr, flush=True)
    return facts


def text(facts: dict[str, Any]) -> str:
    header = ["what happens", "the client sees", "accepted again after s", "work goes on after s", "the job it hit ended after s"]
    rows = [[*header, "its attempts", "accepted", "lost"]]
    for name in dict.fromkeys(run["fault"] for run in facts["runs"]):
        rows.append(row_of(name, [run for run in facts["runs"] if run["fault"] == name]))
    lost = sum(run["lost"] for run in facts["runs"])
    return "\n\n".join([machine.in_words(facts["machine"]), table(rows), f"accepted and lost: {lost}"])


def row_of(name: str, runs: list[dict[str, Any]]) -> list[str]:
    answers = Counter[str]()
    for run in runs:
        answers.update(run["answers"])
    seconds = [spread([run[key] or PATIENCE_SECONDS for run in runs], 1) for key in ("accepted_after", "work_after", "hit_ended_after")]
    said = ", ".join(f"{answer} x{count}" for answer, count in answers.most_common(4))
    attempts = sorted({run["hit_attempts"] for run in runs})
    totals = [str(sum(run[key] for run in runs)) for key in ("accepted", "lost")]
    return [name, said, *seconds, "-".join(map(str, attempts)), *totals]


def main() -> int:
    end_in_order_on_sigterm()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="only the faults whose name contains this")
    parser.add_argument("--json", type=Path, default=FOLDER / "faults.json")
    options = parser.parse_args()
    facts = benchmark(options.rounds, options.only)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(facts, indent=1))
    print(text(facts))
    return 1 if any(run["lost"] for run in facts["runs"]) else 0


if __name__ == "__main__":
    sys.exit(main())
