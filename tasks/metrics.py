"""How the engine is doing, for Prometheus: read from the database at each scrape, so that whichever process answers says the same."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from math import isinf

from django.db.models import Count
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from tasks.kinds import kinds
from tasks.models import Counter, Delivery, Job, Maintenance, State, Worker, WorkerState, kind_states
from tasks.models.counters import ENDS, EVENTS, RUNS, WAITS, Duration, Event, Key
from tasks.models.workers import KIND_STATES
from tasks.transitions import QUEUES, changed

OF_KIND = ("kind",)
Values = dict[tuple[str, ...], float]


def exposition(accept: str) -> tuple[bytes, str]:
    """All metrics in the format that the scraper accepts, and its media type."""
    registry = CollectorRegistry()
    registry.register(Engine())
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type


class Engine(Collector):
    def collect(self) -> Iterator[Metric]:
        yield from queues()
        yield from workers()
        yield gauge("fitsize_maintenance", "1 while nothing new is accepted.", (), {(): Maintenance.objects.count() > 0})
        pending = Delivery.objects.filter(state=Delivery.State.PENDING).count()
        yield gauge("fitsize_webhook_deliveries_pending", "Deliveries that wait for their next attempt.", (), {(): pending})
        totals = Counter.objects.totals()
        for event in (ENDS, *EVENTS):
            yield counter(event, totals)
        for duration in (WAITS, RUNS):
            yield histogram(duration, totals)


def queues() -> Iterator[Metric]:
    """Kinds that are not installed any more are told of while they have jobs."""
    lengths: Values = {(kind,): 0 for kind in kinds()}
    ages, running = lengths.copy(), lengths.copy()
    for kind, length, age in changed(QUEUES, {}):
        lengths[(kind,)], ages[(kind,)] = length, max(age, 0)  # a clock may have jumped
    for kind, count in Job.objects.filter(state=State.RUNNING).values_list("kind").annotate(Count("pk")):
        running[(kind,)] = count
    yield gauge("fitsize_jobs_queued", "Jobs that wait.", OF_KIND, lengths)
    yield gauge("fitsize_oldest_queued_job_age_seconds", "For how long the oldest job that waits has waited; 0 if none.", OF_KIND, ages)
    yield gauge("fitsize_jobs_running", "Jobs that run.", OF_KIND, running)


def workers() -> Iterator[Metric]:
    """Workers that have beaten lately."""
    living = list(Worker.objects.alive().values_list("kind", "state", "name", "memory_bytes"))
    counts: Values = {(kind, str(state)): 0 for kind in kinds() for state in WorkerState}
    for kind, state, _, _ in living:
        counts[kind, state] = counts.get((kind, state), 0) + 1
    memory: Values = {(kind, name): bytes_held for kind, _, name, bytes_held in living}
    states = kind_states()
    state_set: Values = {(kind, state): states[kind] == state for kind in states for state in KIND_STATES}
    yield gauge("fitsize_workers", "Workers that live.", ("kind", "state"), counts)
    yield gauge("fitsize_worker_resident_memory_bytes", "What the process that holds the model has in memory.", ("kind", "worker"), memory)
    yield gauge("fitsize_kind_state", "1 for the state that a kind is in.", ("kind", "state"), state_set)


def gauge(name: str, help: str, labels: Iterable[str], values: Values) -> Metric:
    family = GaugeMetricFamily(name, help, labels=list(labels))
    for labelled, value in sorted(values.items()):
        family.add_metric(labelled, float(value))
    return family


def counter(event: Event, totals: Mapping[Key, float]) -> Metric:
    family = CounterMetricFamily(event.name, event.help, labels=event.labels)
    for labels, value in of_name(event.name, totals):
        family.add_metric([labels[label] for label in event.labels], value)
    return family


def histogram(duration: Duration, totals: Mapping[Key, float]) -> Metric:
    """Prometheus wants each bucket with all below it, and those too that nothing fell into."""
    family = HistogramMetricFamily(duration.name, duration.help, labels=duration.labels)
    buckets: dict[tuple[str, ...], dict[float, float]] = defaultdict(lambda: dict.fromkeys(duration.bounds, 0.0))
    for labels, value in of_name(f"{duration.name}_bucket", totals):
        buckets[tuple(labels[label] for label in duration.labels)][float(labels["le"])] = value
    for labels, value in of_name(f"{duration.name}_sum", totals):
        labelled = tuple(labels[label] for label in duration.labels)
        family.add_metric(labelled, cumulative(buckets[labelled]), value)
    return family


def cumulative(buckets: Mapping[float, float]) -> list[tuple[str, float]]:
    below, found = 0.0, []
    for bound in sorted(buckets):
        below += buckets[bound]
        found.append(("+Inf" if isinf(bound) else str(bound), below))
    return found


def of_name(name: str, totals: Mapping[Key, float]) -> Iterator[tuple[dict[str, str], float]]:
    for (found, labels), value in sorted(totals.items()):
        if found == name:
            yield json.loads(labels), value
