"""What this machine has, whether it computes rightly, and who has it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import pytest
import torch

from tasks.devices import Asked
from tasks.inference import choice as module
from tasks.inference import self_test
from tasks.inference.accelerators import PRESENT, Accelerator, lost_its_device, ran_out_of_memory
from tasks.inference.choice import Reason, choice_of_this_process
from tasks.inference.leases import Lease

CPU = torch.device("cpu")
STAND_IN = Accelerator("cuda", CPU, "cuda-GPU 0/1", lambda: None)


@pytest.fixture
def asked_for_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("tasks.devices.told", Asked("cuda"))
    choice_of_this_process.cache_clear()
    yield
    choice_of_this_process.cache_clear()


@pytest.mark.parametrize("name", PRESENT)
def test_asking_for_accelerators_gives_those_there_are(name: str) -> None:
    there = torch.cuda.is_available() if name == "cuda" else torch.backends.mps.is_available()
    assert bool(PRESENT[name]()) == there


def test_the_cpu_agrees_with_itself() -> None:
    assert self_test.disagreement(CPU) == ""


@pytest.mark.parametrize("compute", self_test.COMPUTATIONS, ids=lambda compute: compute.__name__)
def test_each_computation_has_numbers_that_could_be_wrong(compute: Any) -> None:
    found = compute(CPU)
    assert found.isfinite().all()
    assert found.std() > 1e-4


def test_a_device_that_computes_wrongly_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = self_test.recurrence
    answers = iter([1.0, 1.01])

    def recurrence(device: torch.device) -> torch.Tensor:
        return honest(device) * next(answers)

    monkeypatch.setattr(self_test, "COMPUTATIONS", (self_test.product, recurrence))
    assert self_test.disagreement(CPU) == "recurrence differs by 0.01"


def test_a_device_that_cannot_compute_or_gives_no_numbers_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert self_test.disagreement(torch.device("meta")) == "product: NotImplementedError"  # nothing can be copied from there
    answers = iter([1.0, float("nan")])
    monkeypatch.setattr(self_test, "COMPUTATIONS", (lambda device: torch.ones(2) * next(answers),))
    assert "differs by nan" in self_test.disagreement(CPU)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (MemoryError("batch_size (32) is probably too large."), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."), True),
        (RuntimeError("CUDA error: device-side assert triggered"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_want_of_memory_is_recognised(error: Exception, expected: bool) -> None:
    assert ran_out_of_memory(error) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CUDA error: device-side assert triggered", True),
        ("CUDA error: an illegal memory access was encountered", True),
        ("CUDA error: unspecified launch failure", True),
        ("CUDA error: uncorrectable ECC error encountered", True),
        ("CUDA error: out of memory", False),
        ("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED", False),
    ],
)
def test_a_lost_device_is_recognised(text: str, expected: bool) -> None:
    assert lost_its_device(RuntimeError(text)) is expected


def hold(say: Connection) -> None:
    say.send(Lease("cuda-0").take())
    signal.pause()


def test_of_several_processes_one_has_the_lease_until_it_dies() -> None:
    context = multiprocessing.get_context("fork")
    ends = [context.Pipe() for _ in range(3)]
    processes = [context.Process(target=hold, args=(theirs,)) for _, theirs in ends]
    try:
        for process in processes:
            process.start()
        got = [ours.recv() for ours, _ in ends]
        assert sorted(got) == [False, False, True]
        assert not Lease("cuda-0").take()
        assert Lease("cuda-1").take()
        holder = processes[got.index(True)]
        assert holder.pid is not None
        os.kill(holder.pid, signal.SIGKILL)
        holder.join()
        again = Lease("cuda-0")
        assert again.take()
        again.release()
    finally:
        for process in processes:
            process.kill()
            process.join()


def test_a_released_lease_can_be_taken_again() -> None:
    first, second = Lease("cuda-0"), Lease("cuda-0")
    assert first.take()
    assert not second.take()
    first.release()
    assert second.take()
    second.release()


@pytest.mark.usefixtures("asked_for_cuda")
def test_where_there_is_none_this_process_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(PRESENT, "cuda", list)
    assert choice_of_this_process().reason == Reason.NOT_AVAILABLE
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.usefixtures("asked_for_cuda")
def test_a_driver_that_fails_is_no_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> list[Accelerator]:
        raise RuntimeError("CUDA driver initialization failed, you might not have a CUDA gpu.")

    monkeypatch.setitem(PRESENT, "cuda", fail)
    assert choice_of_this_process().reason == Reason.NOT_AVAILABLE


@pytest.mark.usefixtures("asked_for_cuda")
def test_what_the_devices_libraries_take_of_this_processs_memory_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter([1_000_000, 3_000_000])
    monkeypatch.setattr(module, "resident_bytes", lambda: next(sizes))
    monkeypatch.setitem(PRESENT, "cuda", lambda: [STAND_IN])
    assert choice_of_this_process().resident_bytes == 2_000_000


@pytest.mark.usefixtures("asked_for_cuda")
def test_this_process_takes_its_accelerator_and_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESENT, "cuda", lambda: [STAND_IN])
    assert choice_of_this_process().accelerator is STAND_IN
    assert not Lease(STAND_IN.identity).take()
    assert choice_of_this_process() is choice_of_this_process()


@pytest.mark.usefixtures("asked_for_cuda")
def test_an_accelerator_that_another_process_has_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESENT, "cuda", lambda: [STAND_IN])
    lease = Lease(STAND_IN.identity)
    assert lease.take()
    assert choice_of_this_process().reason == Reason.TAKEN
    lease.release()


@pytest.mark.usefixtures("asked_for_cuda")
def test_an_accelerator_that_computes_wrongly_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESENT, "cuda", lambda: [STAND_IN])
    monkeypatch.setattr(module, "disagreement", lambda device: "product differs by 0.5")
    choice = choice_of_this_process()
    assert (choice.reason, choice.detail) == (Reason.SELF_TEST, "cuda-GPU 0/1: product differs by 0.5")
    lease = Lease(STAND_IN.identity)
    assert lease.take()
    lease.release()
