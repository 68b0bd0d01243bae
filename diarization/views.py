"""Submitting recordings, and asking again for another number of speakers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from rest_framework.request import Request

from diarization.kind import HEARD
from diarization.serializers import PredictSerializer, ReclusterSerializer
from tasks.errors import Code
from tasks.models import Job, SavedFile, State
from tasks.problems import Problem
from tasks.views import SubmitView


class PredictView(SubmitView):
    """Who speaks when in a recording."""

    kind = "diarization"
    operation = "predict"
    serializer_class = PredictSerializer


class ReclusterView(SubmitView):
    """Tell the speakers of a job apart anew, in a job beside it."""

    kind = "diarization"
    operation = "recluster"
    serializer_class = ReclusterSerializer
    codes = (Code.NOT_FOUND, Code.NOT_RECLUSTERABLE)

    def post(self, request: Request, pk: UUID | None = None) -> HttpResponseBase:
        return super().post(request)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "heard_by": str(heard_by(self.own_job(self.kwargs["pk"])))}


def heard_by(job: Job) -> UUID:
    """The job that heard the recording: a re-clustered one has heard nothing itself. Raises Problem(`not_reclusterable`)."""
    if job.state != State.SUCCEEDED:
        raise Problem(Code.NOT_RECLUSTERABLE, "Only the speakers of a job that has succeeded can be told apart anew.")
    source = UUID(job.parameters.get("reclustered_from", str(job.pk)))
    if not SavedFile.objects.filter(job_id=source, name=HEARD).exists():
        raise Problem(Code.NOT_RECLUSTERABLE, "What was heard of this recording is no longer kept.")
    return source
