"""How a worker's child hears what it is to compute on, and what a pool without children changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery.bin.worker import worker as worker_program

from fitsize.models import User
from tasks import devices, worker
from tasks.devices import Asked
from tasks.models import Claimant, State, Worker, WorkerState
from tasks.worker import parent as module
from tasks.worker.child import Child
from tasks.worker.parent import Parent, is_child
from tests.stack import ROOT
from tests.tasks.jobs import claimed, fresh

CONF = SimpleNamespace(worker_concurrency=1)


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Child:
    """This process's, as new."""
    made = Child()
    monkeypatch.setattr(worker, "this_child", made)
    monkeypatch.setattr(module, "this_child", made)
    monkeypatch.setattr(worker, "discard_beside_work", lambda: None)
    monkeypatch.setattr(made, "load", lambda kind: None)
    monkeypatch.setattr(devices, "told", None)
    made.name, made.life = "fakes@here", "my-life"
    return made


def test_nobody_is_alone_before_it_is_known(child: Child) -> None:
    assert not child.alone


def test_who_is_told_nothing_follows_the_setting(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "told", None)
    assert devices.asked() == Asked("cpu")
    settings.DEVICE = "mps"
    assert devices.asked() == Asked("mps")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"device": None, "concurrency": None}, Asked("mps", 1, True)),
        ({"device": "cuda", "concurrency": 3}, Asked("cuda", 3, True)),
        ({"device": "cpu"}, Asked("cpu", 1, True)),
        ({}, Asked("mps", 1, True)),
    ],
)
def test_a_child_hears_what_its_worker_was_started_with(settings: Any, child: Child, options: dict[str, Any], expected: Asked) -> None:
    settings.DEVICE = "mps"
    worker.note_device(conf=CONF, options=options)
    child.parent = os.getppid()  # the pool has forked
    worker.begin_child()
    assert devices.asked() == expected


def test_a_child_that_is_its_own_parent_is_not_forked(child: Child) -> None:
    worker.note_device(conf=CONF, options={"device": "mps"})
    worker.begin_child()
    assert child.alone
    assert devices.asked() == Asked("mps")


def test_celerys_worker_takes_the_option() -> None:
    import celery_worker

    assert celery_worker.device in celery_worker.app.user_options["worker"]
    assert "--device" not in [name for parameter in worker_program.params for name in parameter.opts]  # theirs is not used up


@pytest.mark.django_db
def test_the_models_remark_stands_in_the_workers_row(child: Child) -> None:
    child.shared.remark = "on the CPU, asked for cuda: taken " + "é" * 200
    child.shared.state = WorkerState.READY
    Parent("fakes").beat(WorkerState.READY)
    detail = Worker.objects.get(life="my-life").detail
    assert detail.startswith("on the CPU, asked for cuda: taken é")
    assert len(detail.encode()) <= 300


def test_a_remark_is_replaced_as_a_whole() -> None:
    shared = Child().shared
    shared.remark = "on cuda-1"
    shared.remark = ""
    assert shared.remark == ""


def test_a_child_may_hold_its_devices_libraries_beside_its_kinds_limits(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    child.recycle_bytes = 1_000
    monkeypatch.setattr(child.memory, "resident_bytes", lambda: 2_500_000_000)
    assert child.too_large()
    child.shared.device_bytes = 2_400_000_000
    child.shared.remark = "on cuda"
    assert child.too_large()
    child.shared.device_bytes = 2_500_000_000
    assert not child.too_large()
    assert child.shared.remark == "on cuda"


def test_a_process_counts_itself_among_the_living() -> None:
    assert is_child(os.getpid())
    assert not is_child(os.getppid())


@pytest.fixture
def alone(child: Child) -> Child:
    child.parent = child.shared.pid = os.getpid()
    return child


@pytest.mark.django_db
def test_a_solo_worker_that_ends_lets_go_of_what_it_runs(owner: User, alone: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.worker.connections.close_all", lambda: None)
    job = claimed(owner, claimant=Claimant(worker="fakes@here", life="my-life", pid=os.getpid(), fresh=True))
    worker.end_life()
    assert fresh(job).state == State.QUEUED


@pytest.mark.parametrize(("too_large", "signals"), [(True, [(os.getpid(), 15)]), (False, [])])
def test_a_solo_worker_that_has_grown_too_large_ends_in_order(
    alone: Child, monkeypatch: pytest.MonkeyPatch, too_large: bool, signals: list[tuple[int, int]]
) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(worker.os, "kill", lambda *signal: sent.append(signal))  # type: ignore[attr-defined]  # the module's own os
    monkeypatch.setattr(alone, "too_large", lambda: too_large)
    worker.end_large()
    assert sent == signals


def test_a_pools_child_that_has_grown_too_large_is_left_to_the_pool(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker.os, "kill", lambda *signal: pytest.fail("killed"))  # type: ignore[attr-defined]  # the module's own os
    monkeypatch.setattr(child, "too_large", lambda: True)
    worker.end_large()


@pytest.mark.parametrize("is_alone", [True, False])
def test_only_a_solo_workers_parent_winds_up_the_timer(child: Child, monkeypatch: pytest.MonkeyPatch, is_alone: bool) -> None:
    wound: list[float] = []
    monkeypatch.setattr(module, "end_unless_seen_again", wound.append)
    monkeypatch.setattr(Parent, "look", lambda self, now: None)
    monkeypatch.setattr(Parent, "beat", lambda self, state: None)
    child.parent, child.shared.pid = os.getpid(), os.getpid() if is_alone else 1
    Parent("fakes").tick(beat=True)
    assert wound == ([30.0] if is_alone else [])


def test_a_workers_parent_imports_no_torch(tmp_path: Path) -> None:
    """So it cannot have initialised CUDA, which does not survive a fork."""
    code = "import sys, celery_worker; from tasks.kinds import kinds; kinds(); print('torch' in sys.modules)"
    environment = {**os.environ, "FITSIZE_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "fitsize.settings"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("value", ["gpu", "cuda:1", ""])
def test_a_device_that_does_not_exist_stops_the_program_with_the_settings_name(tmp_path: Path, value: str) -> None:
    environment = {**os.environ, "FITSIZE_DATA": str(tmp_path), "FITSIZE_DEVICE": value}
    done = subprocess.run([sys.executable, "-c", "import fitsize.settings"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "FITSIZE_DEVICE is one of cpu, cuda, mps" in done.stderr
