"""The protocol as a whole: whatever dies or fails at whatever moment, in whatever order (ENGINE.md, "Promises")."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import count
from uuid import UUID

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as profile
from hypothesis.stateful import run_state_machine_as_test

from tasks.kinds import kinds
from tasks.models import Job
from tests.tasks.protocol.machine import Protocol
from tests.tasks.protocol.observer import audited, remember_effect

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def observed(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ids in the order of birth: the same example runs the same way again."""
    numbers = count(1)
    monkeypatch.setattr(Job._meta.pk, "_get_default", lambda: UUID(int=next(numbers)))
    monkeypatch.setitem(kinds()["fakes"].__dict__, "on_success", remember_effect)
    logging.disable(logging.CRITICAL)
    with audited():
        yield
    logging.disable(logging.NOTSET)


def test_each_job_ends_once_and_rightly_whatever_dies_or_fails_in_whatever_order(observed: None) -> None:
    run_state_machine_as_test(Protocol, settings=profile(suppress_health_check=list(HealthCheck)))
