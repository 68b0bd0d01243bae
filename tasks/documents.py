"""How a job reads to its owner."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from hashlib import blake2s
from typing import Any

from django.urls import get_script_prefix, reverse
from django.utils.module_loading import import_string
from django.utils.translation import get_language
from rest_framework import serializers

from tasks.clock import timestamp
from tasks.estimates import eta_seconds
from tasks.formats import JSON
from tasks.languages import english, localized
from tasks.models import Job, Priority, State
from tasks.transitions import FILES, rows


def job_document(job: Job, position: bool = True) -> dict[str, Any]:
    """The job resource; its position in the queue is counted only if asked for.

    Plain code instead of a serializer: it runs for every answer, and costs a tenth.
    """
    place = job.queue_position() if position else None
    return {
        "id": str(job.pk),
        "kind": job.kind,
        "operation": job.operation,
        "state": job.state,
        "priority": Priority(job.priority).label.lower(),
        "created_at": timestamp(job.created_at),
        "expires_at": timestamp(job.expires_at),
        "started_at": timestamp(job.started_at),
        "finished_at": timestamp(job.finished_at),
        "queue_position": place,
        "eta_seconds": eta_seconds(job, place),
        "progress": {"fraction": 1.0 if job.state == State.SUCCEEDED else job.progress, "step": job.progress_step},
        "attempts": job.attempts,
        "model_version": job.model_version,
        "result": job.result if english() else result_in_readers_language(job),
        "error": localized(job.error) if job.error else None,
        "warnings": [localized(warning) for warning in job.warnings],
        "timings_ms": {"queued": milliseconds(job.created_at, job.started_at), "run": milliseconds(job.started_at, job.finished_at)},
        "formats": formats_of(job) if job.state == State.SUCCEEDED else [],
        "files": files_of(job) if job.state == State.SUCCEEDED else [],
        "revision": job.revision,
        "links": links_of(job),
    }


def result_in_readers_language(job: Job) -> dict[str, Any] | None:
    if job.result is None or not job.asked or not job.asked.localized:
        return job.result
    said: dict[str, Any] = import_string(job.asked.localized)(job.result)
    return said


def links_of(job: Job) -> dict[str, str]:
    url = job_url(job)
    links = {"self": url, "cancel": f"{url}/cancel", "retry": f"{url}/retry"}
    if job.corrections:
        links["corrections"] = f"{url}/corrections"
    if job.state == State.SUCCEEDED and job.asked:
        links |= {kind.link: f"{url}?format={name}" for name, kind in job.asked.renderers.items() if kind.link}
        links |= {name: f"{url}/{route}" for name, route in job.asked.links.items()}
    if job.endpoint_id:
        links["deliveries"] = f"{url}/deliveries"
    return links


def etag(job: Job, form: str = JSON) -> str:
    """Weak: position and fraction change without it. Each format has its own, and each language where something is said."""
    speaks = job.error or job.warnings or (job.state == State.SUCCEEDED and job.asked and job.asked.localized)
    language = get_language() if speaks else ""
    said = f"{job.state}/{job.attempts}/{job.progress_step}/{job.cancel_requested}/{job.revision}/{form}/{language}"
    return f'W/"{blake2s(said.encode(), digest_size=8).hexdigest()}"'


@cache
def jobs_url(prefix: str) -> str:
    return reverse("jobs")


def job_url(job: Job) -> str:
    """The same as `reverse`, which costs ten times as much and is asked five times an answer."""
    return f"{jobs_url(get_script_prefix())}/{job.pk}"


def files_of(job: Job) -> list[dict[str, Any]]:
    url = f"{job_url(job)}/files"
    found = rows(FILES, {"id": job.key})
    return [{"name": name, "content_type": kind, "size": size, "url": f"{url}/{name}"} for name, kind, size in found]


def formats_of(job: Job) -> list[dict[str, str]]:
    """In which formats the result can be had besides JSON."""
    url, renderers = job_url(job), job.asked.renderers if job.asked else {}
    return [{"name": name, "content_type": kind.media_type, "url": f"{url}?format={name}"} for name, kind in renderers.items()]


def milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    return max(round((end - start).total_seconds() * 1000), 0) if start and end else None


class JobListSerializer(serializers.BaseSerializer[Job]):
    def to_representation(self, instance: Job) -> dict[str, Any]:
        return job_document(instance, position=False)
