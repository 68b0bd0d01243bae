"""How a job reads to its owner."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2s
from typing import Any

from django.urls import reverse
from rest_framework import serializers

from tasks.clock import timestamp
from tasks.estimates import eta_seconds
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
        "result": job.result,
        "error": job.error,
        "warnings": job.warnings,
        "timings_ms": {"queued": milliseconds(job.created_at, job.started_at), "run": milliseconds(job.started_at, job.finished_at)},
        "files": files_of(job) if job.state == State.SUCCEEDED else [],
        "links": {"self": job_url(job), "cancel": f"{job_url(job)}/cancel", "retry": f"{job_url(job)}/retry"},
    }


def etag(job: Job) -> str:
    """Weak: position and fraction change without it."""
    said = f"{job.state}/{job.attempts}/{job.progress_step}/{job.cancel_requested}"
    return f'W/"{blake2s(said.encode(), digest_size=8).hexdigest()}"'


def job_url(job: Job) -> str:
    return reverse("job", args=[job.pk])


def files_of(job: Job) -> list[dict[str, Any]]:
    url = f"{job_url(job)}/files"
    found = rows(FILES, {"id": job.key})
    return [{"name": name, "content_type": kind, "size": size, "url": f"{url}/{name}"} for name, kind, size in found]


def milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    return max(round((end - start).total_seconds() * 1000), 0) if start and end else None


class JobListSerializer(serializers.BaseSerializer[Job]):
    def to_representation(self, instance: Job) -> dict[str, Any]:
        return job_document(instance, position=False)
