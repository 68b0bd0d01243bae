"""Killing one process of a stack, and seeing when it is back."""

from __future__ import annotations

import os
import signal
import time

import httpx
import psutil

from benchmarks.storm.audit import Audit
from benchmarks.storm.history import Kill
from benchmarks.storm.plan import Blow
from tests.stack import Stack

LIVEZ_SECONDS = 0.25


def strike(stack: Stack, audit: Audit, blow: Blow, aimed: bool) -> Kill | None:
    """SIGKILL the victim. None, and nothing is done, if it does not live now, or if the blow is aimed and its child runs nothing now."""
    family = family_of(stack, blow.program)
    child = family[1] if blow.victim in ("child", "parent") and len(family) > 1 else 0
    pids = victims(family, blow)
    if not pids or (aimed and not (child and audit.runs(child))):
        return None
    try:
        os.kill(pids[0], signal.SIGKILL)
    except ProcessLookupError:
        return None
    return Kill(blow.victim, blow.program, time.time(), pids, child, aimed, blow.part)


def family_of(stack: Stack, program: str) -> list[int]:
    """The pids of a program that runs and of its children; none if it does not run."""
    process = stack.programs[program].process
    if process is None or not stack.programs[program].running:
        return []
    try:
        return [process.pid, *(child.pid for child in psutil.Process(process.pid).children())]
    except psutil.NoSuchProcess:
        return []


def victims(family: list[int], blow: Blow) -> list[int]:
    """Whom a blow ends; the first is the one that gets the signal, the others die with it. None if there is nobody to kill."""
    if blow.victim == "child" or blow.part == "process":
        return family[1:2]
    return family


def is_back(stack: Stack, kill: Kill) -> bool:
    """Whether the victim answers again, from processes that were not killed. Of workers the database knows more (`history.recovery`)."""
    match kill.victim:
        case "web":
            return not any(lives(pid) for pid in kill.pids) and answers(stack)
        case "redis":
            return stack.broker.answers()
        case _:
            return bool(set(family_of(stack, kill.program)) - set(kill.pids))


def answers(stack: Stack) -> bool:
    try:
        return httpx.get(f"http://{stack.bind}/livez", timeout=LIVEZ_SECONDS, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
