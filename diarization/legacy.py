"""The diarization client of before: it sends a recording, and waits for who spoke when in the answer to that one request.

It may ask for an accelerator. A worker has one or none, whatever a request says: the answer tells what was used.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from diarization.kind import KIND
from tasks.documents import milliseconds
from tasks.fields import RecordingField
from tasks.legacy import LegacyView, WaitedForSerializer, WaitingView
from tasks.models import Job, kind_states
from tasks.parsers import WholeMultiPartParser
from tasks.serializers import FlagField

CLIENT = "diarization-client"
FORMATS = ["wav", "mp3", "m4a", "flac", "aac", "ogg"]
BATCH_SIZE = 16
LONGEST_SECONDS = 600
"""That the client waits, and by its own `timeout` less; contracts/legacy-clients.md, section 4, as all here."""


class DiarizeSerializer(WaitedForSerializer):
    """`batch_size` is a wish about memory, which the worker knows better."""

    audio = RecordingField()
    use_mps = FlagField(required=False, default=False)
    batch_size = serializers.IntegerField(required=False, min_value=1)
    timeout = serializers.IntegerField(required=False, min_value=1)

    def parameters(self) -> dict[str, Any]:
        """The wish for an accelerator goes with the job for its answer alone."""
        return {"use_mps": True} if self.validated_data["use_mps"] else {}


class DiarizeView(WaitingView):
    client = CLIENT
    kind = "diarization"
    operation = "predict"
    serializer_class = DiarizeSerializer
    parser_classes = (WholeMultiPartParser,)

    def wait_seconds(self) -> int:
        """By the form, which has been found valid; `45.0` is valid too."""
        form: Any = self.request.data  # of a form always
        return int(min(float(form.get("timeout") or LONGEST_SECONDS), LONGEST_SECONDS))

    def result(self, job: Job) -> HttpResponseBase:
        result: dict[str, Any] = job.result  # type: ignore[assignment]  # a job that has succeeded has one
        segments = [{name: turn[name] for name in ("start", "end", "speaker")} for turn in result["turns"]]
        answer = {
            "success": True,
            "request_time": seconds_between(job.created_at, job.finished_at),
            "processing_time": seconds_between(job.started_at, job.finished_at),
            "speakers": [speaker["name"] for speaker in result["speakers"]],
            "segments": segments,
            "total_segments": len(segments),
            "device_used": result["device"],
        }
        return Response({**answer, **fallback(result), **warnings(job, result)})


def seconds_between(start: datetime | None, end: datetime | None) -> float:
    return (milliseconds(start, end) or 0) / 1000


def fallback(result: dict[str, Any]) -> dict[str, Any]:
    """Where an accelerator was to answer, and the CPU did."""
    found = result["fallback"]
    return {"fallback_cpu": True, "fallback_reason": found["reason"]} if found and found["to"] == "cpu" else {}


def warnings(job: Job, result: dict[str, Any]) -> dict[str, list[str]]:
    told = [str(warning["detail"]) for warning in job.warnings]
    if job.parameters.get("use_mps") and result["device"] != "mps":
        told.append(gettext("use_mps was refused: a worker chooses its device when it is started."))
    return {"warnings": told} if told else {}


class OpenLegacyView(LegacyView):
    """A look, for which the account of the old clients is not needed."""

    permission_classes = ()

    def get_authenticators(self) -> list[BaseAuthentication]:
        return []


class InfoView(OpenLegacyView):
    client = CLIENT

    def get(self, request: Request) -> Response:
        return Response(
            {
                "model_version": KIND.model_version,
                "supported_formats": FORMATS,
                "max_file_size_mb": settings.MAX_RECORDING_BYTES // 1_000_000,
                "max_duration_seconds": settings.DIARIZATION_MAX_SECONDS,
                "default_batch_size": BATCH_SIZE,
                "default_timeout": LONGEST_SECONDS,
            }
        )


class HealthView(OpenLegacyView):
    """Whether a recording would be answered: 503 while no worker lives."""

    client = CLIENT

    def get(self, request: Request) -> Response:
        state = kind_states()[KIND.name]
        healthy = state in ("ready", "busy")
        said = {"status": "healthy" if healthy else "unhealthy", "model": state}
        return Response(said, 200 if healthy else 503, headers={} if healthy else {"Retry-After": "5"})


urlpatterns = [
    path("api/v1/diarize", DiarizeView.as_view()),
    path("api/v1/diarize/info", InfoView.as_view()),
    path("health", HealthView.as_view()),
]
