"""Whose turn it is, and what goes wrong at its next statement. One thread: an actor is interrupted only where its process meets the
database, a file or the broker, and never inside a transaction."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tasks.storage import DurableStorage
from tasks.worker.child import this_child

HARMLESS = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")
CRASHES = ("SIGABRT", "SIGSEGV")


class Killed(BaseException):
    """This process is no more: nothing of it runs after this, no `except Exception` and no statement of a `finally`."""


Acts = dict[str, Callable[[int], None]]


@dataclass(frozen=True)
class Mishap:
    """At the nth boundary: `refuse` (the statement fails), `die`, or others act `meanwhile`; `lose`: from there on, the answer to the first
    commit is lost."""

    at: int
    what: str
    meanwhile: tuple[tuple[str, int], ...] = ()


@dataclass
class Actor:
    """A thread of a process. `memory` is what its copy of `this_child` holds, `life` and `pid` what it is known by."""

    role: str
    pid: int = 0
    memory: dict[str, Any] = field(default_factory=dict)
    alive: bool = True
    troubled: bool = False  # the database failed it since its last claim
    plan: tuple[Mishap, ...] = ()
    boundaries: int = 0
    losses: int = 0

    @property
    def life(self) -> str:
        return str(self.memory.get("life", ""))

    def due(self, what: str) -> Mishap | None:
        return next((mishap for mishap in self.plan if mishap.at == self.boundaries and mishap.what == what), None)

    def loses_an_answer(self) -> bool:
        begun = [mishap for mishap in self.plan if mishap.what == "lose" and mishap.at <= self.boundaries]
        if len(begun) <= self.losses:
            return False
        self.losses += 1
        return True


@dataclass(frozen=True)
class End:
    """What a process died of, and whether its parent had ordered it."""

    signal: str
    ordered: bool = False


class Kernel:
    """Processes by pid, as the modules of the engine see them through `os`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.last_pid = 1000
        self.processes: dict[int, Actor] = {}
        self.parents: dict[int, int] = {}
        self.ends: dict[int, End] = {}
        self.lingering: set[int] = set()  # killed in this turn, and not gone yet as their parent sees it
        self.memory: dict[int, int] = {}
        self.slow_deaths = False

    def new(self, actor: Actor, parent: int = 0) -> Actor:
        self.last_pid += 1
        actor.pid = self.last_pid
        self.processes[actor.pid], self.parents[actor.pid] = actor, parent
        return actor

    def getpid(self) -> int:
        return self.world.actor.pid if self.world.actor else 0

    def is_child(self, pid: int) -> bool:
        mine = self.parents.get(pid) == self.getpid()
        return mine and (self.processes[pid].alive or pid in self.lingering)

    def kill(self, pid: int, number: int) -> None:
        if self.slow_deaths:
            self.lingering.add(pid)
        self.end(pid, End(signal.Signals(number).name, ordered=True))

    def end(self, pid: int, end: End) -> None:
        if self.processes[pid].alive:
            self.processes[pid].alive = False
            self.ends[pid] = end

    def _exit(self, code: int) -> None:
        """A worker that ends by itself, because it is deaf."""
        assert self.world.actor
        self.end(self.getpid(), End("exit"))
        self.world.actor.alive = False
        raise Killed


class Clock:
    """Seconds that pass only when they are told to; `time` in the modules of the engine."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.world.boundary(database=False)


class Watcher(Protocol):
    def look(self, actor: Actor) -> None: ...


class World:
    def __init__(self) -> None:
        self.acts: Acts = {}
        self.stack: list[Actor] = []  # whoever is in the middle of something
        self.actor: Actor | None = None  # whose statements these are
        self.watcher: Watcher | None = None
        self.kernel, self.clock = Kernel(self), Clock(self)
        self.messages = 0
        self.touched = True  # rows or files, since the last survey

    def run(self, actor: Actor, program: Callable[[], object], plan: tuple[Mishap, ...] = ()) -> bool:
        """Let an actor run until its program ends, it dies, or the database fails it; whether it came to its end."""
        if not self.stack:
            self.kernel.lingering.clear()
        actor.plan, actor.boundaries, actor.losses = plan, 0, 0
        with self.on_stage(actor):
            try:
                program()
            except OperationalError:
                return False
            except Killed:
                assert not actor.alive
                return False
            finally:
                self.look()
        return True

    @contextmanager
    def on_stage(self, actor: Actor | None) -> Iterator[None]:
        """Nobody (None) is the test itself: its statements pass unseen."""
        former, memory = self.actor, this_child.__dict__
        self.actor = actor
        if actor:
            self.stack.append(actor)
            this_child.__dict__ = actor.memory
        try:
            yield
        finally:
            if actor:
                self.stack.pop()
            self.actor, this_child.__dict__ = former, memory

    def look(self) -> None:
        """Changes that were made until now are judged as those of whoever made them."""
        actor = self.actor
        if actor and self.watcher:
            with self.on_stage(None):
                self.watcher.look(actor)

    # -- where an actor meets the world
    def boundary(self, database: bool = True, inside: bool = False) -> None:
        """Before a statement, or before a step outside of the database; `inside` a transaction nobody else acts."""
        actor = self.actor
        if actor is None:
            return
        self.live(actor)
        actor.boundaries += 1
        if (mishap := actor.due("meanwhile")) and not inside:
            self.meanwhile(mishap)
        if actor.due("die"):
            self.kernel.end(actor.pid, End("SIGKILL"))
            actor.alive = False
        self.live(actor)
        if database and actor.due("refuse"):
            actor.troubled = True
            raise OperationalError("the database is away")

    def meanwhile(self, mishap: Mishap) -> None:
        self.look()
        with self.on_stage(None):
            for name, pick in mishap.meanwhile:
                self.acts[name](pick)

    def answer(self) -> None:
        """After a statement was committed."""
        if self.actor and self.actor.loses_an_answer():
            self.actor.troubled = True
            raise OperationalError("the answer was lost")

    def live(self, actor: Actor) -> None:
        if not actor.alive:
            raise Killed

    # -- the broker
    def wake(self, kind: str) -> bool:
        self.boundary(database=False)
        self.messages = 1
        return True

    def waits_for_sure(self, kind: str) -> bool:
        return bool(self.messages)

    def announce(self, job: str) -> None:
        self.boundary(database=False)


@contextmanager
def staged(world: World) -> Iterator[None]:
    """Every statement, begin and commit of this thread's connection passes by the world, and what else the engine meets is the world's."""
    connection: BaseDatabaseWrapper = connections["default"]
    really_commit, really_set = connection.commit, connection.set_autocommit

    def execute(run: Callable[..., Any], sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
        if world.actor is None or sql.startswith(HARMLESS):
            return run(sql, parameters, many, context)
        inside = connection.in_atomic_block
        world.boundary(inside=inside)
        answer = run(sql, parameters, many, context)
        if not inside:
            world.look()
            world.answer()
        return answer

    def commit() -> None:
        try:
            world.boundary(inside=True)
        except Killed:
            connection.rollback()  # as the database does when its client is gone
            raise
        really_commit()
        world.answer()

    def set_autocommit(autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        if not autocommit:
            world.boundary()
        really_set(autocommit, force_begin_transaction_with_broken_autocommit)

    with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(execute):
        patch.setattr(connection, "commit", commit)
        patch.setattr(connection, "set_autocommit", set_autocommit)
        surround(world, patch)
        yield


def surround(world: World, patch: pytest.MonkeyPatch) -> None:
    """Processes, time, memory, the broker and files."""
    for module in ("tasks.worker", "tasks.worker.child", "tasks.worker.parent"):
        patch.setattr(f"{module}.os", world.kernel)
    for module in ("tasks.worker.parent", "tasks.runs"):
        patch.setattr(f"{module}.time", world.clock)
    for module in ("tasks.worker", "tasks.worker.parent"):
        patch.setattr(f"{module}.is_child", world.kernel.is_child)
    patch.setattr("tasks.worker.parent.oom_counter", lambda: None)
    patch.setattr("tasks.worker.parent.resident_bytes", lambda pid: world.kernel.memory.get(pid, 0))
    patch.setattr("tasks.worker.memory.OwnMemory.resident_bytes", lambda self: 0)
    patch.setattr("tasks.wakeups.wake", world.wake)
    patch.setattr("tasks.wakeups.announce", world.announce)
    patch.setattr("tasks.wakeups.broker", world)
    patch.setattr("tasks.storage.sync", lambda path: None)
    for name in ("delete", "save"):
        patch.setattr(DurableStorage, name, after_a_boundary(world, getattr(DurableStorage, name)))


def after_a_boundary(world: World, method: Callable[..., Any]) -> Callable[..., Any]:
    def met(*arguments: Any, **named: Any) -> Any:
        world.touched = True
        world.boundary(database=False, inside=connections["default"].in_atomic_block)
        return method(*arguments, **named)

    return met
