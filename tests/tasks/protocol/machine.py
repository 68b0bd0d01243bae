"""What may happen, in any order."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fitsize.models import User
from tasks.errors import Refused
from tasks.housekeeping import Housekeeping
from tasks.kinds import kinds
from tasks.models import ENDED, Job, Priority, Quarantine, State
from tasks.uploads import Upload
from tests.tasks.protocol.observer import Observer
from tests.tasks.protocol.workers import Child, Worker
from tests.tasks.protocol.world import Actor, Mishap, World, staged

NAMES = ("fakes@one", "fakes@two")
OPERATIONS = ("steps", "save", "die", "steps", "echo", "double_free", "save", "eat", "refuse")
TIMES = {
    "tasks_job": ("expires_at", "started_at", "finished_at", "erased_at", "retried_at"),
    "tasks_worker": ("seen_at",),
    "tasks_input": ("created_at",),
    "tasks_quarantine": ("until",),
}
EARLIER = {
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f000', {name}, (-%(seconds)s) || ' seconds')",
    "postgresql": "{name} - make_interval(secs => %(seconds)s)",
}
PAUSES = (2.0, 2.0, 11.0, 40.0, 62.0, 100.0, 2000.0, 40 * 86_400.0)
EXPIRES_IN = 1000.0
ROUNDS = 120
SWEPT = ("tasks_delivery", "tasks_savedfile", "tasks_input", "tasks_job", "tasks_quarantine", "tasks_counter", "tasks_worker") + (
    "tasks_webhookendpoint",
    "fitsize_user",
    "audit",
    "effect",
)
Plan = tuple[Mishap, ...]

picks = st.integers(0, 23)
doings = (
    "step",
    "step",
    "tick",
    "pool",
    "kill_child",
    "kill_worker",
    "restart",
    "keep_house",
    "cancel",
    "erase",
    "retry",
    "rest",
    "ask_more",
    "outrun",
)
boundaries = st.sampled_from((1, 2, 3, 4, 5, 6))
meanwhiles = st.lists(st.tuples(st.sampled_from(doings), picks), min_size=1, max_size=4).map(tuple)
mishaps = st.one_of(
    st.builds(Mishap, boundaries, st.sampled_from(("refuse", "lose", "lose", "die"))),
    st.builds(Mishap, boundaries, st.just("meanwhile"), meanwhiles),
)
mishap = st.lists(mishaps, min_size=1, max_size=2).map(tuple)
plans = st.one_of(st.just(()), mishap)


class Village(World):
    """The world with its inhabitants. `pick` says who of them, and how; who is interrupted in the middle of something is passed over."""

    def __init__(self) -> None:
        super().__init__()
        self.acts = {name: getattr(self, name) for name in set(doings)}
        self.observer = self.watcher = Observer(self)
        self.owners = [User.objects.create(username=name) for name in ("owner", "stranger")]
        self.houses = [self.new_house(), self.new_house()]
        self.house_actors: list[Actor] = [self.kernel.new(Actor("house")) for _ in self.houses]
        self.accepted: set[str] = set()
        self.lives: list[Worker] = []
        self.numbers = count(1)
        self.rounds = 0

    def new_house(self) -> Housekeeping:
        return Housekeeping(self.clock.monotonic)

    # -- owners
    def ask(self, request: Callable[[], object], plan: Plan = ()) -> bool:
        """A request, in a web process of its own: it may be refused, or fail."""
        actor = self.kernel.new(Actor("owner"))

        def answered() -> None:
            with suppress(Refused, RuntimeError):  # RuntimeError: an input that was swept meanwhile, by a clock that jumped
                request()

        return self.run(actor, answered, plan)

    def submit(self, owner: int, operation: str, priority: Priority, expires_in: float | None, upload: bool, plan: Plan = ()) -> None:
        files = {"file": Upload(io.BytesIO(b"content"), 7, "application/octet-stream")} if upload else {}

        number = next(self.numbers)

        def request() -> None:
            job = Job.objects.submit(
                owner_id=self.owners[owner].pk,
                kind=kinds()["fakes"],
                operation=operation,
                parameters={"number": number},
                uploads=files,
                units=1.0,
                priority=priority,
                expires_in=expires_in,
                callback_url="https://example.com/" if number % 3 else "",
            )
            self.accepted.add(job.pk.hex)

        self.ask(request, plan)

    def ask_more(self, pick: int) -> None:
        self.submit(pick % 2, OPERATIONS[pick % len(OPERATIONS)], Priority.INTERACTIVE, None, False)

    def job(self, pick: int) -> Any:
        """One of the youngest."""
        found = list(Job.objects.order_by("-id").values_list("pk", flat=True)[:6])
        return found[pick % len(found)] if found else None

    def cancel(self, pick: int, plan: Plan = ()) -> None:
        if pk := self.job(pick):
            self.ask(lambda: Job.objects.get(pk=pk).cancel(), plan)

    def erase(self, pick: int, plan: Plan = ()) -> None:
        if pk := self.job(pick):
            self.ask(lambda: Job.objects.get(pk=pk).erase(), plan)

    def retry(self, pick: int, plan: Plan = ()) -> None:
        failed = list(Job.objects.filter(state=State.FAILED).order_by("-id").values_list("pk", flat=True)[:3])
        if failed:
            self.ask(lambda: Job.objects.get(pk=failed[pick % len(failed)]).retry(), plan)

    def retry_a_released(self, pick: int, plan: Plan = ()) -> None:
        Quarantine.objects.all().release()
        self.retry(pick, plan)

    # -- workers
    def occupy(self, pick: int) -> None:
        """Every idle child gets something to do."""
        for child in self.children():
            if child.idle:
                self.ask_more(pick)
                for _ in range(3):
                    child.step(())

    def workers(self) -> list[Worker]:
        return [worker for worker in self.lives if worker.alive and worker.main not in self.stack]

    def children(self) -> list[Child]:
        found = [worker.child for worker in self.lives if worker.child and worker.child.actor.alive]
        return [child for child in found if child.actor not in self.stack]

    def step(self, pick: int, plan: Plan = ()) -> None:
        if children := self.children():
            children[pick % len(children)].step(plan)

    def tick(self, pick: int, plan: Plan = ()) -> None:
        workers = [worker for worker in self.workers() if worker.thread not in self.stack]
        if not workers:
            return
        worker = workers[pick % len(workers)]
        worker.tick(plan)
        if not plan and worker.sees(self.clock.now):
            for job in Job.objects.run_by(worker.life):
                assert not (job.stopping and self.kernel.processes[job.pid].alive), "a lease was taken, and nobody is killed for it"

    def pool(self, pick: int) -> None:
        if workers := self.workers():
            workers[pick % len(workers)].pool()

    def kill_child(self, pick: int) -> None:
        if workers := self.workers():
            workers[pick % len(workers)].kill_child()

    def kill_worker(self, pick: int) -> None:
        if workers := self.workers():
            workers[pick % len(workers)].die(with_child=pick // len(workers) % 2 == 0)

    def restart(self, pick: int, plan: Plan = ()) -> None:
        name = NAMES[pick % len(NAMES)]
        if any(worker.name == name and worker.alive for worker in self.lives):
            return
        for worker in self.lives:
            worker.free_lock()
        alone = all(worker.gone for worker in self.lives if worker.name == name)
        former = self.former_life(name)
        self.observer.dead_lives |= {worker.life for worker in self.lives if worker.gone}
        worker = Worker(self, name)
        self.lives.append(worker)
        worker.begin(plan)
        if former and alone and not plan:
            assert not Job.objects.run_by(former), "what the former life ran is not released"

    def former_life(self, name: str) -> str:
        path = Path(settings.RUN_FOLDER) / f"{name}.lock"
        return path.read_text() if path.exists() else ""

    def stop(self, pick: int, plan: Plan = ()) -> None:
        workers = [worker for worker in self.workers() if worker.thread not in self.stack]
        if not workers:
            return
        worker = workers[pick % len(workers)]
        if worker.stopping:
            worker.end(plan)
        else:
            worker.stop()

    # -- housekeeping
    def keep_house(self, pick: int, plan: Plan = ()) -> None:
        number = pick % len(self.houses)
        actor = self.house_actors[number]
        if actor in self.stack:
            return
        self.run(actor, self.houses[number].tick, plan)
        if not actor.alive:
            self.houses[number], self.house_actors[number] = self.new_house(), self.kernel.new(Actor("house"))

    def lose_sight(self, pick: int, plan: Plan = ()) -> None:
        """Nobody beats for a while, or all are frozen: what runs is taken from them."""
        self.occupy(pick)
        for _ in range(4):
            self.wait(9.0)
            self.keep_house(pick)
        self.wait(2.0)
        self.keep_house(pick, plan)

    def hand_over(self, pick: int, steps: int, plan: Plan = ()) -> None:
        """One worker's child is replaced and takes what a frozen one has lost; then that one goes on."""
        frozen = self.children()
        self.lose_sight(pick)
        self.kill_child(pick)
        self.pool(pick)
        for _ in range(steps):
            for child in self.children():
                if child not in frozen:
                    child.step(())
        for child in frozen:
            if child in self.children():
                child.step(plan)

    def outrun(self, pick: int, plan: Plan = ()) -> None:
        """What runs under this worker is stopped for its deadline."""
        self.occupy(pick)
        self.tick(pick)
        self.wait(62.0)
        self.tick(pick, plan)
        self.wait(11.0)  # after a tick that could not read there is no verdict for ten seconds
        self.tick(pick)

    # -- time
    def rest(self, pick: int) -> None:
        self.wait(PAUSES[pick % 6])

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        self.jump(seconds)

    def jump(self, seconds: float) -> None:
        """The database's clock goes on: everything in it has happened so much earlier."""
        with connection.cursor() as cursor:
            for table, names in TIMES.items():
                earlier = ", ".join(f"{name} = {EARLIER[connection.vendor].format(name=name)}" for name in names)
                cursor.execute(f"UPDATE {table} SET {earlier}", {"seconds": seconds})  # noqa: S608 (names from this file)

    # -- the end
    def round(self, steps: int = 8, seconds: float = 2.0, hung: Sequence[Child] = ()) -> None:
        """A while in which everybody does what he should, except for children that hang."""
        self.wait(seconds)
        self.rounds += 1
        if self.rounds % 3 == 0:
            self.keep_house(0)
        for worker in self.workers():
            if worker.stopping and not worker.busy:
                worker.end(())
        for number in range(len(NAMES)):
            self.restart(number)
        self.work(steps, hung)

    def work(self, steps: int, hung: Sequence[Child] = ()) -> None:
        for number in range(len(self.workers())):
            self.pool(number)
            self.tick(number)
        for _ in range(steps):
            for child in self.children():
                if child not in hung:
                    child.step(())

    def heal(self, wakes: bool) -> None:
        """Whoever is frozen wakes, or hangs until his parent stops him; from then on nothing goes wrong, and all that is left ends."""
        self.round(steps=0)
        if not wakes:
            self.outlast([child for child in self.children() if child.job])
        for _ in range(ROUNDS):
            self.round(steps=10)
            for _ in range(3):
                self.work(steps=10)
            if not Job.objects.exclude(state__in=ENDED).exists():
                return
        left = list(Job.objects.exclude(state__in=ENDED).values("operation", "state", "losses", "crashes", "stopping", "cancel_requested"))
        raise AssertionError(f"these have no way forward: {left}")

    def outlast(self, hung: list[Child]) -> None:
        for _ in range(10):
            self.round(steps=4, seconds=11.0, hung=hung)
        alive = [child for child in hung if child.actor.alive and child.has_parent]
        assert not (alive and self.messages), f"a child hangs for ever: {alive}"

    def close(self) -> None:
        for worker in self.lives:
            worker.die()


def swept() -> None:
    """As if nothing had ever happened."""
    with connection.cursor() as cursor:
        for table in SWEPT:
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 (names from this file)
    for folder in (settings.MEDIA_ROOT, settings.RUN_FOLDER):
        shutil.rmtree(folder)
        Path(folder).mkdir()


class Protocol(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        swept()
        self.wakes = True
        self.village = Village()
        self.stage = ExitStack()
        self.stage.enter_context(staged(self.village))

    @initialize(slow_deaths=st.booleans(), wakes=st.booleans(), operations=st.lists(st.sampled_from(OPERATIONS), min_size=1, max_size=5))
    def begin(self, slow_deaths: bool, wakes: bool, operations: list[str]) -> None:
        self.wakes = wakes
        self.village.kernel.slow_deaths = slow_deaths
        for pick in range(len(NAMES)):
            self.village.restart(pick)
        for number, operation in enumerate(operations):
            self.village.submit(number % 2, operation, Priority.INTERACTIVE, None, True)
        for number in range(4):
            self.village.step(number)

    @rule(
        owner=st.integers(0, 1),
        operation=st.sampled_from(OPERATIONS),
        priority=st.sampled_from(Priority),
        expires_in=st.sampled_from((None, None, EXPIRES_IN)),
        upload=st.booleans(),
        plan=plans,
    )
    def an_owner_submits(self, owner: int, operation: str, priority: Priority, expires_in: float | None, upload: bool, plan: Plan) -> None:
        self.village.submit(owner, operation, priority, expires_in, upload, plan)

    @rule(what=st.sampled_from(("cancel", "erase", "retry", "retry_a_released")), pick=picks, plan=plans)
    def an_owner_asks(self, what: str, pick: int, plan: Plan) -> None:
        getattr(self.village, what)(pick, plan)

    @rule(pick=picks, steps=st.integers(0, 6), plan=mishap)
    def a_child_meets_a_mishap(self, pick: int, steps: int, plan: Plan) -> None:
        self.village.occupy(pick)
        for _ in range(steps):
            self.village.step(pick)
        self.village.step(pick, plan)

    @rule(pick=picks, steps=st.integers(1, 6))
    def a_child_goes_on(self, pick: int, steps: int) -> None:
        for _ in range(steps):
            self.village.step(pick)

    @rule(steps=st.integers(1, 4))
    def all_children_go_on(self, steps: int) -> None:
        for number in range(steps * len(NAMES)):
            self.village.step(number)

    @rule(pick=picks, plan=plans)
    def a_parent_looks(self, pick: int, plan: Plan) -> None:
        self.village.tick(pick, plan)

    @rule(pick=picks, plan=plans)
    def a_pool_replaces_its_child(self, pick: int, plan: Plan) -> None:
        self.village.occupy(pick)
        self.village.pool(pick)
        self.village.tick(pick, plan)

    @rule(what=st.sampled_from(("kill_child", "kill_child", "kill_worker", "stop")), pick=picks)
    def a_process_is_hit(self, what: str, pick: int) -> None:
        getattr(self.village, what)(pick)

    @rule(pick=picks, plan=plans)
    def a_worker_begins(self, pick: int, plan: Plan) -> None:
        self.village.restart(pick, plan)

    @rule(pick=picks, plan=plans)
    def housekeeping_looks(self, pick: int, plan: Plan) -> None:
        self.village.keep_house(pick, plan)

    @rule(pick=picks, plan=plans)
    def a_worker_is_lost_from_sight(self, pick: int, plan: Plan) -> None:
        self.village.lose_sight(pick, plan)

    @rule(pick=picks, steps=st.integers(0, 5), plan=plans)
    def a_frozen_child_wakes_after_its_job_was_handed_over(self, pick: int, steps: int, plan: Plan) -> None:
        self.village.hand_over(pick, steps, plan)

    @rule(pick=picks, plan=plans)
    def a_deadline_passes(self, pick: int, plan: Plan) -> None:
        self.village.outrun(pick, plan)

    @rule(seconds=st.sampled_from(PAUSES), jumps=st.sampled_from((0.0, 0.0, 0.0, -3600.0, 3600.0)))
    def time_passes(self, seconds: float, jumps: float) -> None:
        """And sometimes the database's clock is set."""
        self.village.wait(seconds)
        if jumps:
            self.village.jump(jumps)

    @rule(steps=st.integers(0, 3))
    def time_passes_as_it_should(self, steps: int) -> None:
        self.village.round(steps)

    @invariant()
    def what_is_written_is_right(self) -> None:
        self.village.observer.survey(self.village.accepted)
        self.village.observer.audit_counters()

    def teardown(self) -> None:
        with self.stage:
            if sys.exc_info()[0] is None:
                self.village.heal(self.wakes)
                self.what_is_written_is_right()
            self.village.close()
