"""The kernel's killer on a real worker in a control group of its own: the input that asked for the memory is to blame."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fitsize.supervisor import worker_command
from tests.stack import Stack, eventually

pytestmark = pytest.mark.slow
MOUNT = Path("/sys/fs/cgroup")
LIMIT_BYTES = 320_000_000  # below the fakes' own limit


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group with little memory; skips where this user may not make one."""
    v1 = (MOUNT / "memory").is_dir()
    folder = (MOUNT / "memory" if v1 else MOUNT) / f"fitsize-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as reason:
        pytest.skip(f"no control group can be made here: {reason}")
    try:
        (folder / ("memory.limit_in_bytes" if v1 else "memory.max")).write_text(str(LIMIT_BYTES))
        yield folder
    except OSError as reason:
        pytest.skip(f"the control group takes no limit: {reason}")
    finally:
        folder.rmdir()


def test_an_input_for_which_the_kernel_runs_out_of_memory_fails_after_its_third_crash(group: Path, tmp_path: Path) -> None:
    with Stack(tmp_path, workers=()) as stack:
        enter = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"]
        stack.start("fakes", [*enter, *worker_command("fakes")])
        eater, good = stack.submit("eat"), stack.submit("echo")
        ended = stack.ended(eater)
        assert (ended["state"], ended["error"]["code"]) == ("failed", "worker_crashed")
        assert "SIGKILL, out of memory" in ended["error"]["detail"]
        assert stack.ended(good)["state"] == "succeeded"
    eventually(lambda: not (group / "cgroup.procs").read_text(), 10)
