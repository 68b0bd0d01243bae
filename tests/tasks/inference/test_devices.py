"""Where a model computes, and what happens when memory runs out there: real modules, real errors, an accelerator that is the CPU."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tasks.devices import Asked
from tasks.inference.accelerators import Accelerator
from tasks.inference.choice import Choice, Reason, choose
from tasks.inference.devices import COOL_DOWN_SECONDS, DEVICE_LOST, Placement

CUDA = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB"
MPS = "MPS backend out of memory (MPS allocated: 8.00 GB, other allocations: 1.00 GB, max allowed: 9.07 GB)"
PYANNOTE = "batch_size ( 32) is probably too large. Try with a smaller value until memory error disappears."
KINDS_OF_OOM = [(torch.OutOfMemoryError, CUDA), (RuntimeError, MPS), (MemoryError, PYANNOTE)]
Failing = tuple[type[Exception], str]


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    """What a test leaves is collected again."""
    gc.unfreeze()
    yield
    gc.unfreeze()


class StandIn:
    """An accelerator that computes on another device than it says."""

    def __init__(self, name: str = "cuda", device: str = "cpu", number: int = 0) -> None:
        self.emptied = 0
        self.accelerator = Accelerator(name, torch.device(device), f"{name}-{number}", self.empty_cache)
        self.choice = Choice(name, self.accelerator)

    def empty_cache(self) -> None:
        self.emptied += 1


class Network(nn.Module):
    """Halves of its input, in batches; its passes with these numbers fail."""

    def __init__(self, failing: Iterable[int] = (), failure: Failing = KINDS_OF_OOM[0]) -> None:
        super().__init__()
        self.batch_size, self.passes = 32, 0
        self.failing, self.failure = failing, failure
        self.linear = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.linear.weight, 0.5)
        self.linear.register_forward_pre_hook(self.fail)

    def fail(self, module: nn.Module, given: tuple[Tensor, ...]) -> None:
        self.passes += 1
        if self.passes in self.failing:
            kind, text = self.failure
            raise kind(text)


INPUT = torch.arange(100.0)[:, None]


def halves(network: Network) -> list[float]:
    parts = [network.linear(INPUT[start : start + network.batch_size]) for start in range(0, len(INPUT), network.batch_size)]
    return torch.cat(parts).detach()[:, 0].tolist()


WANTED = (INPUT / 2)[:, 0].tolist()


class Builder:
    """Makes networks: those on the accelerator fail as told, the CPU's never do, unless told."""

    def __init__(self, failing: Iterable[int], failure: Failing = KINDS_OF_OOM[0], on_cpu: Iterable[int] = ()) -> None:
        self.lives = [failing, on_cpu]
        self.failure = failure
        self.made: list[Network] = []

    def __call__(self, device: torch.device) -> Network:
        self.made.append(Network(self.lives[len(self.made)] if len(self.made) < len(self.lives) else (), self.failure))
        return self.made[-1]


ALWAYS = range(1, 1000)


@pytest.mark.parametrize("failure", KINDS_OF_OOM, ids=["cuda", "mps", "pyannote"])
def test_without_memory_in_the_middle_of_a_batch_the_cpu_answers_the_same(failure: Failing) -> None:
    stand_in, builder = StandIn(), Builder(range(2, 1000), failure)  # the second pass of the first attempt is the first to fail
    placement = Placement(builder, stand_in.choice)
    assert placement.run(halves) == WANTED
    assert placement.device == "cpu"
    assert placement.fallback == {
        "from": "cuda",
        "to": "cpu",
        "reason": "out_of_memory",
        "tries": [{"device": "cuda", "batch_size": size, "error": failure[0].__name__} for size in (32, 16, 8)],
    }
    assert [warning["code"] for warning in placement.warnings] == ["fallback"]
    assert [network.batch_size for network in builder.made] == [8, 32]
    assert stand_in.emptied >= len(placement.tries)


def test_half_the_batch_is_tried_before_the_cpu() -> None:
    stand_in, builder = StandIn(), Builder([2])
    placement = Placement(builder, stand_in.choice)
    assert placement.run(halves) == WANTED
    assert (placement.device, placement.fallback, placement.warnings) == ("cuda", None, [])
    assert [network.batch_size for network in builder.made] == [16]


def test_memory_that_is_missing_while_the_model_is_built_leads_to_the_cpu() -> None:
    def build(device: torch.device) -> Network:
        if device.type == "meta":
            raise torch.OutOfMemoryError(CUDA)
        return Network()

    placement = Placement(build, StandIn(device="meta").choice)
    assert placement.run(halves) == WANTED
    assert placement.fallback is not None
    assert placement.fallback["tries"] == [{"device": "cuda", "batch_size": None, "error": "OutOfMemoryError"}]


def test_the_cpu_gets_a_model_of_its_own_and_no_copy_of_one_on_a_failed_device() -> None:
    """Nothing can be copied from torch's device `meta`, and nothing be read there: as from a device that has failed."""
    built: list[Network] = []

    def build(device: torch.device) -> Network:
        built.append(Network(ALWAYS if device.type == "meta" else ()).to(device))
        return built[-1]

    placement = Placement(build, StandIn(device="meta").choice)
    assert placement.run(halves) == WANTED
    assert [network.linear.weight.device.type for network in built] == ["meta", "cpu"]


def test_no_tensor_of_a_failed_attempt_lives_when_the_next_one_begins() -> None:
    tensors: list[weakref.ref[Tensor]] = []
    alive: list[int] = []

    def work(network: Network) -> list[float]:
        alive.append(sum(tensor() is not None for tensor in tensors))
        kept = torch.zeros(1000)
        tensors.append(weakref.ref(kept))
        return halves(network)

    placement = Placement(Builder(ALWAYS), StandIn().choice)
    assert placement.run(work) == WANTED
    assert alive == [0, 0, 0, 0]


def test_the_model_on_the_accelerator_is_gone_before_the_cpus_is_built() -> None:
    networks: list[weakref.ref[Network]] = []
    alive: list[int] = []

    def build(device: torch.device) -> Network:
        alive.append(sum(network() is not None for network in networks))
        network = Network(() if networks else ALWAYS)
        networks.append(weakref.ref(network))
        return network

    Placement(build, StandIn().choice).run(halves)
    assert alive == [0, 0]


def test_what_else_rises_is_not_hidden_by_another_attempt() -> None:
    stand_in, builder = StandIn(), Builder([1], (RuntimeError, "mat1 and mat2 shapes cannot be multiplied (32x2 and 1x1)"))
    with pytest.raises(RuntimeError, match="shapes"):
        Placement(builder, stand_in.choice).run(halves)
    assert (len(builder.made), stand_in.emptied) == (1, 1)


@pytest.mark.parametrize(
    "failure", [*KINDS_OF_OOM, (RuntimeError, "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")]
)
def test_want_of_memory_on_the_cpu_is_an_error_and_no_loop(failure: Failing) -> None:
    builder = Builder([1], failure)
    with pytest.raises(failure[0]):
        Placement(builder, Choice()).run(halves)
    assert len(builder.made) == 1


def test_want_of_memory_on_the_cpu_after_the_accelerators_is_an_error_too() -> None:
    placement = Placement(Builder(ALWAYS, on_cpu=[1]), StandIn().choice)
    with pytest.raises(torch.OutOfMemoryError):
        placement.run(halves)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_after_a_while_the_accelerator_is_used_again() -> None:
    clock, builder = Clock(), Builder(ALWAYS)
    placement = Placement(builder, StandIn().choice, clock)
    placement.run(halves)
    clock.now += COOL_DOWN_SECONDS - 1
    assert placement.run(halves) == WANTED
    assert placement.fallback == {"from": "cuda", "to": "cpu", "reason": "cooling_down", "tries": []}
    clock.now += 2
    assert placement.run(halves) == WANTED
    assert (placement.device, len(builder.made), placement.warnings) == ("cuda", 3, [])


def test_after_a_while_the_whole_batch_is_tried_again() -> None:
    clock, builder = Clock(), Builder([1])
    placement = Placement(builder, StandIn().choice, clock)
    placement.run(halves)
    placement.run(halves)
    assert [network.batch_size for network in builder.made] == [16]
    clock.now += COOL_DOWN_SECONDS + 1
    assert placement.run(halves) == WANTED
    assert [network.batch_size for network in builder.made] == [32]


def test_a_jobs_collection_leaves_out_what_was_loaded() -> None:
    assert gc.get_freeze_count() == 0
    Placement(Builder(()), StandIn().choice).run(halves)
    assert gc.get_freeze_count() > 10_000


def test_caches_are_emptied_after_each_job_and_none_that_was_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    def empty_cache() -> None:
        raise RuntimeError("invalid device")  # what torch.mps says where there is none

    monkeypatch.setattr(torch.mps, "empty_cache", empty_cache)
    stand_in = StandIn()
    placement = Placement(Builder(()), stand_in.choice)
    for _ in range(3):
        placement.run(halves)
    assert stand_in.emptied == 3
    assert Placement(Builder(()), Choice()).run(halves) == WANTED


ENDS = """
import torch
from tasks.inference.accelerators import Accelerator
from tasks.inference.choice import Choice
from tasks.inference.devices import Placement
import django; django.setup()

class Model:
    batch_size = 32

def work(model):
    raise {error}({text!r})

accelerator = Accelerator("cuda", torch.device("cpu"), "cuda-0", lambda: None)
try:
    Placement(lambda device: Model(), Choice("cuda", {accelerator})).run(work)
finally:
    print("and goes on")
"""
STICKY = [
    ("torch.AcceleratorError", "CUDA error: device-side assert triggered"),
    ("RuntimeError", "CUDA error: an illegal memory access was encountered"),
    ("RuntimeError", "CUDA error: unspecified launch failure"),
    ("RuntimeError", "Metal: the device was lost"),
]


def ended(error: str, text: str, accelerator: str = "accelerator") -> subprocess.CompletedProcess[str]:
    code = ENDS.format(error=error, text=text, accelerator=accelerator)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("error", "text"), STICKY[:1])
def test_a_lost_device_ends_the_process_at_once(error: str, text: str) -> None:
    done = ended(error, text)
    assert (done.returncode, done.stdout) == (DEVICE_LOST, ""), done.stderr
    assert "device lost" in done.stderr


class Ended(BaseException):
    """What `os._exit` would have done."""


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(code: int) -> None:
        assert code == DEVICE_LOST
        raise Ended

    monkeypatch.setattr("tasks.inference.devices.os._exit", end)


@pytest.mark.usefixtures("ends")
@pytest.mark.parametrize(("error", "text"), STICKY)
def test_errors_after_which_nothing_works_end_the_process(error: str, text: str) -> None:
    kind: Any = getattr(torch, error.removeprefix("torch."), RuntimeError)
    with pytest.raises(Ended):
        Placement(Builder([1], (kind, text)), StandIn().choice).run(halves)


@pytest.mark.usefixtures("ends")
@pytest.mark.parametrize("text", [STICKY[0][1], "CUDA error: something else"])
def test_an_error_that_is_heard_of_only_after_the_job_counts_too(text: str) -> None:
    def empty_cache() -> None:
        raise RuntimeError(text)

    choice = Choice("cuda", Accelerator("cuda", torch.device("cpu"), "cuda-0", empty_cache))
    with pytest.raises(Ended if text == STICKY[0][1] else RuntimeError):
        Placement(Builder(()), choice).run(halves)


def test_on_the_cpu_such_a_text_ends_nothing() -> None:
    with pytest.raises(RuntimeError):
        Placement(Builder([1], (RuntimeError, STICKY[1][1])), Choice()).run(halves)


A, B = StandIn().accelerator, StandIn(number=1).accelerator
M = StandIn("mps").accelerator


@pytest.mark.parametrize(
    ("asked", "present", "taken", "wrong", "chosen", "reason"),
    [
        (Asked(), [A, B], [], [], None, None),
        (Asked("cuda"), [A, B], [], [], A, None),
        (Asked("cuda", forked=True), [A], [], [], A, None),
        (Asked("cuda"), [A, B], [A], [], B, None),
        (Asked("cuda"), [A, B], [A, B], [], None, Reason.TAKEN),
        (Asked("cuda"), [A, B], [], [A], B, None),
        (Asked("cuda"), [A, B], [B], [A], None, Reason.SELF_TEST),
        (Asked("cuda"), [], [], [], None, Reason.NOT_AVAILABLE),
        (Asked("cuda", concurrency=2), [A], [], [], None, Reason.CONCURRENCY),
        (Asked("mps"), [M], [], [], M, None),
        (Asked("mps", forked=True), [M], [], [], None, Reason.FORKED),
        (Asked("mps"), [], [], [], None, Reason.NOT_AVAILABLE),
    ],
)
def test_an_accelerator_is_used_if_asked_for_there_free_and_to_be_trusted(
    asked: Asked, present: list[Accelerator], taken: list[Accelerator], wrong: list[Accelerator], chosen: Accelerator | None, reason: Reason
) -> None:
    choice = choose(asked, present, lambda one: one not in taken, lambda one: "product differs by 1" if one in wrong else "")
    assert (choice.accelerator, choice.reason) == (chosen, reason)
    assert bool(choice.remark) == (asked.device != "cpu")


def test_nothing_is_taken_that_is_not_used() -> None:
    taken: list[Accelerator] = []

    def take(accelerator: Accelerator) -> bool:
        taken.append(accelerator)
        return True

    choose(Asked(), [A, B], take, lambda one: "")
    choose(Asked("cuda", concurrency=2), [A, B], take, lambda one: "")
    assert taken == []
    choose(Asked("cuda"), [A, B], take, lambda one: "")
    assert taken == [A]


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_sentence_for_the_client(reason: Reason) -> None:
    placement = Placement(Builder(()), Choice("cuda", reason=reason))
    placement.run(halves)
    [told] = placement.warnings
    assert told["detail"].startswith("Computed on the CPU: ")
    assert "cuda" in told["detail"]
