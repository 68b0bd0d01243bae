"""Workers as they live and die: a parent's thread, Celery's own, and a child that runs jobs step by step. All steps are the engine's."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from billiard.exceptions import WorkerLostError
from django.db import OperationalError

from tasks import runs, wakeups, worker
from tasks.errors import Canceled, Code, InvalidInput
from tasks.inference.model import InferenceModel, Run
from tasks.models import Job, State
from tasks.worker import this_child
from tasks.worker.memory import OwnMemory
from tasks.worker.parent import Parent
from tasks.worker.shared import Doing
from tests.tasks.protocol.world import Actor, End, Killed, Mishap, World

Steps = Generator[None]
SIGNALS = {"SIGABRT": 6, "SIGKILL": 9, "SIGSEGV": 11}
MEMORY = OwnMemory()  # of the process in which all of them are played


class Outcome(InferenceModel):
    """What a job's work came to, as `predicted` asks a model for it."""

    def __init__(self, outcome: dict[str, Any] | Exception) -> None:
        self.outcome = outcome

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        return self.answer

    def answer(self, run: Run, **arguments: Any) -> dict[str, Any]:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Child:
    """`run_jobs` again and again; it may be frozen at each `yield` for as long as others like."""

    def __init__(self, world: World, actor: Actor) -> None:
        self.world, self.actor = world, actor
        self.idle, self.damaged = True, False
        self.job: Job | None = None
        self.program = self.life()

    @property
    def has_parent(self) -> bool:
        return self.world.kernel.processes[self.world.kernel.parents[self.actor.pid]].alive

    def step(self, plan: tuple[Mishap, ...]) -> None:
        self.world.run(self.actor, lambda: next(self.program), plan)

    def life(self) -> Steps:
        while True:
            self.idle, self.job = True, None
            if not self.world.messages or this_child.stopping:
                yield
                continue
            self.world.messages, self.idle = 0, False
            try:
                yield from self.run_jobs()
            except OperationalError:
                yield  # Celery logs it and takes the next message

    def run_jobs(self) -> Steps:
        this_child.shared.count_drain()
        this_child.release_own()
        yield
        with suppress(OperationalError):
            yield from self.drain()
        this_child.release_own()

    def drain(self) -> Steps:
        self.job = self.claim()
        if self.job and Job.objects.waiting("fakes"):
            wakeups.wake("fakes")
        while self.job:
            yield
            this_child.shared.doing = Doing.JOB  # as `at_work`, without its `finally`: no process comes to that when it dies
            run = yield from self.run_job(self.job)
            this_child.shared.doing, this_child.fresh = Doing.NOTHING, False
            if not run:
                return
            yield
            if run.answer_lost or (not run.successor and this_child.stopping):
                wakeups.wake("fakes")
                return
            self.job = run.successor or self.claim()

    def successor(self) -> Job | None:
        this_child.fresh = False
        return None if this_child.stopping else runs.claim("fakes", with_end=True)

    def claim(self) -> Job | None:
        self.actor.troubled = False
        return runs.claim("fakes")

    def run_job(self, job: Job) -> Generator[None, None, runs.JobRun | None]:
        run = runs.JobRun(job)
        outcome = yield from self.worked(job, run)
        end = runs.predicted(job, Outcome(outcome), run)
        yield
        state = runs.recorded(job, end, run, self.successor)
        yield
        if state != State.SUCCEEDED:
            run.forget_files()
        return run if state else None

    def worked(self, job: Job, run: runs.JobRun) -> Generator[None, None, dict[str, Any] | Exception]:
        try:
            yield from self.work(job, run)
        except (Canceled, InvalidInput, OperationalError, OSError) as error:
            return error
        return {"lease": job.lease}

    def work(self, job: Job, run: runs.JobRun) -> Steps:
        if job.operation == "die" or self.damaged:
            yield
            self.crash()
        while job.operation == "eat":
            self.world.kernel.memory[self.actor.pid] = 10**9
            yield
        if job.operation == "refuse":
            raise InvalidInput(Code.NO_FACE, "nobody")
        if job.operation == "save":
            run.save("note.txt", io.BytesIO(str(job.lease).encode()))
        if job.operation == "steps":
            yield from self.steps(run)
        self.damaged = job.operation == "double_free"

    def steps(self, run: runs.JobRun) -> Steps:
        """Three steps, from where the last checkpoint is."""
        begin = 0
        if kept := run.resume():
            begin = kept[0]
            with kept[1] as file:
                assert int(file.read()) == begin
        for step in range(begin + 1, 4):
            run.progress(step / 4, f"step {step}")
            run.save(f"{step}.txt", io.BytesIO(str(run.job.lease).encode()))
            yield
            run.checkpoint(step, io.BytesIO(str(step).encode()))
            yield

    def crash(self) -> None:
        self.world.kernel.end(self.actor.pid, End("SIGABRT"))
        raise Killed


class Worker:
    """One life of a node name. Its processes share a lock's file, which is free once the last of them is gone."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        memory = {**vars(type(this_child)()), "name": name, "memory": MEMORY}
        self.main = world.kernel.new(Actor("main", memory=memory))
        self.thread = Actor("parent", pid=self.main.pid, memory=memory)
        self.parent: Parent | None = None
        self.child: Child | None = None
        self.lock: worker.NodeLock | None = None
        self.reported = True
        self.beats = 0

    @property
    def alive(self) -> bool:
        return self.main.alive

    @property
    def gone(self) -> bool:
        return not self.main.alive and not (self.child and self.child.actor.alive)

    @property
    def life(self) -> str:
        return self.main.life

    def run(self, program: Callable[[], object], plan: tuple[Mishap, ...] = ()) -> bool:
        """Something that Celery's own thread does."""
        former = worker.this_parent, worker.node_lock
        worker.this_parent, worker.node_lock = self.parent, self.lock
        try:
            return self.world.run(self.main, program, plan)
        finally:
            self.lock = worker.node_lock
            worker.this_parent, worker.node_lock = former
            self.free_lock()

    def begin(self, plan: tuple[Mishap, ...]) -> None:
        self.run(lambda: worker.begin_life(sender=SimpleNamespace(hostname=self.name)), plan)
        if self.alive:
            self.run(self.watch)
        else:
            self.die()

    def watch(self) -> None:
        self.parent = Parent("fakes")
        self.fork()
        wakeups.wake("fakes")

    def fork(self) -> None:
        actor = self.world.kernel.new(Actor("child", memory=dict(self.main.memory)), parent=self.main.pid)
        with self.world.on_stage(actor):
            this_child.load("fakes")
        self.child, self.reported = Child(self.world, actor), False

    def pool(self) -> None:
        """The pool finds its child dead: Celery says so, and another is forked, once the parent's thread does not look."""
        child = self.child
        if child is None or child.actor.alive or not self.alive:
            return
        if not self.reported and not child.idle:
            number = SIGNALS[name := self.world.kernel.ends[child.actor.pid].signal]
            self.run(lambda: worker.note_death(exception=WorkerLostError(f"Worker exited prematurely: signal {number} ({name}) Job: 1.")))
        self.reported = True
        if self.thread not in self.world.stack and not self.stopping:
            self.run(self.fork)

    def sees(self, now: float) -> bool:
        return self.alive and self.parent is not None and now >= self.parent.blind_until

    def tick(self, plan: tuple[Mishap, ...]) -> None:
        parent = self.parent
        if parent is None or not self.alive:
            return
        self.beats += 1
        self.world.run(self.thread, lambda: parent.tick(beat=self.beats % 2 == 0), plan)
        if not self.thread.alive:
            self.die()

    @property
    def stopping(self) -> bool:
        return bool(self.main.memory["shared"].stopping)

    @property
    def busy(self) -> bool:
        return bool(self.child and self.child.actor.alive and not self.child.idle)

    def stop(self) -> None:
        self.run(worker.claim_no_more)

    def end(self, plan: tuple[Mishap, ...]) -> None:
        """After a second signal: the pool is ended at its work, then the worker in order."""
        self.kill_child()
        self.run(worker.end_life, plan)
        self.die()

    def kill_child(self) -> None:
        if self.child and self.child.actor.alive:
            self.world.kernel.end(self.child.actor.pid, End("SIGKILL"))

    def die(self, with_child: bool = True) -> None:
        self.world.kernel.end(self.main.pid, End("SIGKILL"))
        self.main.alive = self.thread.alive = False
        if with_child:
            self.kill_child()
        self.free_lock()

    def free_lock(self) -> None:
        if self.gone and self.lock and self.lock.file:
            self.lock.file.close()
