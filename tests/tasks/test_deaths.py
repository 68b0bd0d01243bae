from __future__ import annotations

import pytest

from tasks.deaths import Blame, Death, verdict
from tasks.errors import Code
from tasks.models import Job


@pytest.mark.parametrize("signal", ["SIGABRT", "SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP", "SIGSYS"])
def test_a_crash_signal_is_the_inputs_own_doing(signal: str) -> None:
    assert verdict(Job(), Death(signal)) == Blame(crashes=1)


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM", "exit code 1", "unknown", ""])
def test_any_other_death_is_a_loss(signal: str) -> None:
    assert verdict(Job(), Death(signal)) == Blame(losses=1)


def test_the_third_crash_in_a_fresh_child_convicts_and_names_the_signal() -> None:
    blame = verdict(Job(crashes=2, fresh_child=True), Death("SIGSEGV"))
    assert (blame.crashes, blame.code) == (1, Code.WORKER_CRASHED)
    assert "SIGSEGV" in blame.detail


def test_a_child_that_had_finished_another_job_never_convicts() -> None:
    assert verdict(Job(crashes=1, fresh_child=False), Death("SIGABRT")) == Blame(crashes=1)
    assert verdict(Job(crashes=2, fresh_child=False), Death("SIGABRT")) == Blame(losses=1)


def test_work_that_never_meets_a_fresh_child_does_not_come_back_for_ever() -> None:
    assert verdict(Job(crashes=2, losses=9, fresh_child=False), Death("SIGABRT")).code == Code.WORKER_LOST


def test_the_tenth_loss_is_the_last() -> None:
    assert verdict(Job(losses=8), Death("")).code is None
    assert verdict(Job(losses=9), Death("")).code == Code.WORKER_LOST
