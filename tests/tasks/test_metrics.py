"""`/metrics`: valid, behind its own key, and cheap however many jobs there are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from fitsize.models import User
from tasks.deaths import Death
from tasks.errors import Code
from tasks.metrics import exposition
from tasks.models import Counter, Job, Maintenance, State, Worker, WorkerState
from tasks.models.counters import ENDS, EVENTS
from tasks.worker import parent as parent_module
from tasks.worker import this_child
from tests.conftest import client_of
from tests.tasks.jobs import ME, claimed, fresh, submit

pytestmark = pytest.mark.django_db
COUNTERS = {event.name for event in (ENDS, *EVENTS)}
GAUGES = {
    "fitsize_jobs_queued",
    "fitsize_oldest_queued_job_age_seconds",
    "fitsize_jobs_running",
    "fitsize_workers",
    "fitsize_worker_resident_memory_bytes",
    "fitsize_kind_state",
    "fitsize_maintenance",
    "fitsize_webhook_deliveries_pending",
}
HISTOGRAMS = {"fitsize_job_wait_seconds", "fitsize_job_run_seconds"}
MANY = 3000
FEW = ("job_queued", "job_running", "job_not_counted")


def scraped() -> list[Sample]:
    content, _ = exposition("")
    return [sample for family in text_string_to_metric_families(content.decode()) for sample in family.samples]


def value(name: str, **labels: str) -> float | None:
    return next((sample.value for sample in scraped() if sample.name == name and labels.items() <= sample.labels.items()), None)


@pytest.fixture
def eventful(owner: User) -> None:
    """Something of everything."""
    submit(owner)
    claimed(owner, "sleep").end(State.SUCCEEDED, result={})
    claimed(owner, "die", number=1).settle(Death("SIGABRT"))
    job = claimed(owner, "echo", number=2)
    job.fail(Code.INTERNAL_ERROR, "")
    fresh(job).retry()
    Worker.objects.create(life="a", name="fakes@here", kind="fakes", pid=1, state=WorkerState.READY, memory_bytes=5_000_000)


def test_every_metric_is_there_with_its_type_and_help(eventful: None) -> None:
    content, _ = exposition("")
    families = {family.name: family for family in text_string_to_metric_families(content.decode())}
    kinds = {kind: {name for name, family in families.items() if family.type == kind} for kind in ("counter", "gauge", "histogram")}
    assert kinds == {"counter": COUNTERS, "gauge": GAUGES, "histogram": HISTOGRAMS}
    assert all(family.documentation for family in families.values())


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"])
def test_each_series_comes_once(eventful: None, accept: str) -> None:
    lines = [line.rpartition(" ")[0] for line in exposition(accept)[0].decode().splitlines() if not line.startswith("#")]
    assert len(lines) == len(set(lines)) > 30


def test_the_queue_by_kind(owner: User) -> None:
    for _ in range(3):
        submit(owner)
    Job.objects.claim("fakes", ME)
    oldest = Job.objects.filter(state=State.QUEUED).values_list("pk", flat=True)[:1]
    Job.objects.filter(pk__in=list(oldest)).update(created_at=timezone.now() - timedelta(seconds=100))
    assert (value("fitsize_jobs_queued", kind="fakes"), value("fitsize_jobs_running", kind="fakes")) == (2, 1)
    assert (value("fitsize_jobs_queued", kind="faces"), value("fitsize_oldest_queued_job_age_seconds", kind="faces")) == (0, 0)
    assert 100 <= (value("fitsize_oldest_queued_job_age_seconds", kind="fakes") or 0) < 160


def test_a_job_that_is_run_again_is_not_as_old_as_its_first_submit(owner: User) -> None:
    job = claimed(owner)
    job.fail(Code.INTERNAL_ERROR, "")
    Job.objects.update(created_at=timezone.now() - timedelta(days=1))
    fresh(job).retry()
    assert (value("fitsize_oldest_queued_job_age_seconds", kind="fakes") or 0) < 60


def test_workers_by_state_and_what_they_hold(owner: User) -> None:
    Worker.objects.create(life="a", name="fakes@here", kind="fakes", pid=1, state=WorkerState.READY, memory_bytes=5_000_000)
    Worker.objects.create(life="b", name="fakes-2@here", kind="fakes", pid=2, seen_at=timezone.now() - timedelta(hours=1))
    assert (value("fitsize_workers", kind="fakes", state="ready"), value("fitsize_workers", kind="fakes", state="loading")) == (1, 0)
    assert value("fitsize_worker_resident_memory_bytes", kind="fakes", worker="fakes@here") == 5_000_000
    assert value("fitsize_worker_resident_memory_bytes", worker="fakes-2@here") is None
    assert (value("fitsize_kind_state", kind="fakes", state="ready"), value("fitsize_kind_state", kind="faces", state="down")) == (1, 1)


def test_a_beat_says_what_the_child_holds(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(this_child, "life", "my-life")
    monkeypatch.setattr(this_child.shared, "memory", bytearray(20))
    this_child.shared.pid = os.getpid()
    parent_module.Parent("fakes").beat(WorkerState.READY)
    assert Worker.objects.get().memory_bytes > 10_000_000


def test_maintenance(db: None) -> None:
    assert value("fitsize_maintenance") == 0
    Maintenance.objects.create(reason="because")
    assert value("fitsize_maintenance") == 1


def test_a_histogram_is_cumulative_and_its_count_is_that_of_its_last_bucket(owner: User) -> None:
    for seconds in (0.2, 7.0, 7.0, 1e6):
        job = claimed(owner)
        job.end(State.SUCCEEDED, result={})
        started = fresh(job).started_at
        assert started
        Job.objects.filter(pk=job.pk).update(finished_at=started + timedelta(seconds=seconds))
        Counter.objects.count_ends(1)
    name = "fitsize_job_run_seconds"
    found = {bound: value(f"{name}_bucket", le=bound) for bound in ("0.1", "0.25", "5.0", "10.0", "7200.0", "+Inf")}
    assert list(found.values()) == [0, 1, 1, 3, 3, 4]
    assert (value(f"{name}_count"), round(value(f"{name}_sum") or 0)) == (4, 1_000_014)


def test_a_label_may_hold_anything(db: None) -> None:
    odd = 'a "b"\n\\c, {é}'
    Counter.objects.add({ENDS.of(kind=odd, operation="", state="x", code=""): 2.0})
    assert value("fitsize_jobs_ended_total", kind=odd) == 2


# -- the address
def answer(key: str | None) -> Any:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    return Client(headers=headers).get("/metrics")


def test_its_own_key_opens_it(eventful: None, settings: Any) -> None:
    got = answer(settings.METRICS_KEY)
    assert (got.status_code, got["Content-Type"].partition(";")[0], got["Cache-Control"]) == (200, "text/plain", "no-store")
    assert b"fitsize_jobs_queued" in got.content


@pytest.mark.parametrize("key", [None, "", "wrong", "wröng"])
def test_without_it_the_answer_is_401(db: None, key: str | None) -> None:
    got = answer(key)
    assert (got.status_code, got["Content-Type"], got.json()["code"]) == (401, "application/problem+json", "unauthenticated")
    assert got["WWW-Authenticate"].startswith("Bearer")


def test_an_api_key_does_not_open_it_and_its_key_opens_nothing_else(owner: User, settings: Any) -> None:
    assert client_of(owner).get("/metrics").status_code == 401
    assert Client(headers={"authorization": f"Bearer {settings.METRICS_KEY}"}).get("/api/v1/jobs").status_code == 401


def test_without_a_database_it_says_so(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: object) -> None:
        raise OperationalError

    monkeypatch.setattr("tasks.metrics.Counter.objects.totals", lambda: away(None))
    got = answer(settings.METRICS_KEY)
    assert (got.status_code, got.json()["code"], got["Retry-After"]) == (503, "unavailable", "5")


# -- what it costs
@pytest.fixture
def many(owner: User) -> Iterator[None]:
    """Ended jobs whose ends are counted, as nearly all are."""
    now = timezone.now()
    facts = {"owner": owner, "kind": "fakes", "operation": "echo", "deadline_seconds": 60, "model_version": "1", "lease": "a" * 32}
    Job.objects.bulk_create(
        [Job(pk=uuid4(), state=State.SUCCEEDED, started_at=now, finished_at=now, counted=True, **facts) for _ in range(MANY)]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    yield


def plans(statements: list[dict[str, str]]) -> list[str]:
    """How the database goes about each statement."""
    found = []
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(explain + statement["sql"].replace("%", "%%"), ())
            found.append("\n".join(str(row[-1]) for row in cursor.fetchall()))
    return found


def reads_only_few(plan: str) -> bool:
    """Whether jobs are found by an index that does not know of ended and counted ones."""
    lines = [line for line in plan.splitlines() if "tasks_job" in line]
    if connection.vendor == "sqlite":
        return all(any(name in line for name in FEW) for line in lines)
    return not lines or ("Seq Scan on tasks_job" not in plan and any(name in plan for name in FEW))


def test_a_scrape_reads_no_ended_job_that_is_counted(many: None, eventful: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        exposition("")
    assert len(captured) < 10
    assert [plan for plan in plans(captured.captured_queries) if not reads_only_few(plan)] == []


def test_counting_reads_no_ended_job_that_is_counted(many: None, eventful: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert Counter.objects.count_ends(500) == 1
    [plan] = plans([query for query in captured.captured_queries if "SET counted" in query["sql"]])
    assert "job_not_counted" in plan
    assert "Seq Scan on tasks_job" not in plan
