"""Whose count of kills for want of memory is read."""

from __future__ import annotations

import mmap
import os
import zlib
from pathlib import Path
from typing import Any

import psutil
import pytest

from tasks.worker import memory
from tasks.worker.memory import KEPT_FREE_BYTES, OwnMemory, oom_counter, oom_kills, release_code, resident_bytes, resident_elsewhere


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("0::/system.slice/worker\n", "sys/fs/cgroup/system.slice/worker/memory.events"),
        ("0::/\n", "sys/fs/cgroup/memory.events"),
        ("4:memory:/docker/abc\n0::/\n", "sys/fs/cgroup/memory/docker/abc/memory.oom_control"),
        ("4:memory:/docker/abc\n0::/\n", "sys/fs/cgroup/memory/memory.oom_control"),
    ],
    ids=["v2", "v2 in a container", "v1", "v1 in a container"],
)
def test_our_own_control_group_counts_before_the_machine(tmp_path: Path, group: str, name: str) -> None:
    write(tmp_path, "proc/self/cgroup", group)
    write(tmp_path, "proc/vmstat", "oom_kill 99\n")
    counter = write(tmp_path, name, "low 0\noom 1\noom_kill 3\n")
    assert (oom_counter(tmp_path), oom_kills(counter)) == (counter, 3)


def test_the_machine_counts_where_the_group_does_not(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/somewhere\n")
    counter = write(tmp_path, "proc/vmstat", "pgfault 7\noom_kill 2\n")
    assert (oom_counter(tmp_path), oom_kills(counter)) == (counter, 2)


def test_where_nothing_counts_nothing_is_counted(tmp_path: Path) -> None:
    assert (oom_counter(tmp_path), oom_kills(None), oom_kills(tmp_path / "gone")) == (None, 0, 0)


def test_this_machine_has_a_counter() -> None:
    assert oom_counter() is not None


def test_both_ways_to_ask_what_a_process_holds_agree() -> None:
    assert resident_bytes(os.getpid()) == pytest.approx(resident_elsewhere(os.getpid()), rel=0.05)
    assert resident_bytes(2**22 + 1) == 0


def test_a_process_knows_its_own_memory_while_it_grows() -> None:
    own = OwnMemory()
    before = own.resident_bytes()
    with mmap.mmap(-1, 50_000_000) as held:  # new pages: what was freed before may be used again
        held.write(b"x" * len(held))
        assert own.resident_bytes() - before >= 0.8 * len(held)


def test_it_knows_it_without_linux_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "open", not_there)
    assert OwnMemory().resident_bytes() == pytest.approx(resident_elsewhere(os.getpid()), rel=0.05)


def test_code_that_was_given_back_runs_again() -> None:
    used = psutil.Process().memory_maps(grouped=False)
    code = sum(place.rss for place in used if place.perms.startswith("r-x"))
    released = release_code()
    assert 0.5 * code < released <= code
    assert zlib.decompress(zlib.compress(b"still " * 1000)) == b"still " * 1000
    assert release_code() < released


def not_there(*_: Any) -> int:
    raise FileNotFoundError


def test_the_heap_is_given_back_once_much_of_it_may_be_free(monkeypatch: pytest.MonkeyPatch) -> None:
    held, given_back = [300_000_000], []
    monkeypatch.setattr(OwnMemory, "resident_bytes", lambda self: held[0])
    monkeypatch.setattr(memory, "trim_heap", lambda: given_back.append(held[0]))
    own = OwnMemory()
    own.give_back()
    held[0] += KEPT_FREE_BYTES
    own.give_back()
    assert given_back == [300_000_000]
    held[0] += 1
    own.give_back()
    own.give_back()
    assert given_back == [300_000_000, 300_000_001 + KEPT_FREE_BYTES]


def test_what_large_inputs_left_free_goes_back_to_the_system() -> None:
    pieces = [bytes(100_000) for _ in range(1000)]
    kept = pieces[::100]
    held = resident_bytes(os.getpid())
    del pieces
    memory.trim_heap()
    assert resident_bytes(os.getpid()) < held - 50_000_000
    assert len(kept) == 10
