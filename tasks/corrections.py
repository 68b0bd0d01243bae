"""Correcting a result: each correction is a revision beside it, and names the revision that it was made from."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.utils.http import parse_etags
from django.utils.module_loading import import_string
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from tasks.errors import Code, InvalidInput
from tasks.kinds import Corrections
from tasks.languages import translated
from tasks.models import Job, State
from tasks.models.jobs import strict_json
from tasks.models.revisions import standing
from tasks.openapi import jobs as described
from tasks.openapi.documents import CorrectedSerializer
from tasks.parsers import BoundedJSONParser
from tasks.problems import Problem
from tasks.views import JobAnswers, owner_id

MOST_REVISIONS = 1000
MOST_PATCH_CHARACTERS = 100_000


class Corrected(JobAnswers):
    """A view of a result as people corrected it."""

    serializer_class = CorrectedSerializer
    parser_classes = [BoundedJSONParser]

    def correctable(self, pk: UUID) -> Job:
        """Raises NotFound where the kind has no corrections, Problem(`not_correctable`) for a job without a result."""
        job = self.own_job(pk)
        if not job.corrections:
            raise NotFound("Results of this operation cannot be corrected.")
        if job.state != State.SUCCEEDED:
            raise Problem(Code.NOT_CORRECTABLE, "Only the result of a job that has succeeded can be corrected.")
        return job

    def revised(self, job: Job, patch: dict[str, Any] | None) -> Response:
        if job.revision >= MOST_REVISIONS:
            raise Problem(Code.NOT_CORRECTABLE, "This result has been corrected as often as a result may be.")
        job.correct(patch, owner_id(self.request))
        return shown(job)


class CorrectionsView(Corrected):
    """The corrected result under a strong ETag, the number of its last revision."""

    descriptions = {"GET": described.CORRECTIONS, "PATCH": described.CORRECT}

    def get(self, request: Request, pk: UUID) -> Response:
        job = self.correctable(pk)
        known = {name.removeprefix("W/") for name in named(request, "If-None-Match")} & {"*", tag(job)}
        return tagged(Response(status=304), job) if known else shown(job)

    def patch(self, request: Request, pk: UUID) -> Response:
        """Add a revision: the body is the kind's own patch. `If-Match` names the revision that it was made from."""
        job = self.correctable(pk)
        check_precondition(request, job)
        return self.revised(job, self.patch_of(request, job))

    def patch_of(self, request: Request, job: Job) -> dict[str, Any]:
        """The body as the kind's serializer takes it, once it has been tried on the result."""
        how: Corrections = job.corrections  # type: ignore[assignment]  # asked in correctable()
        form = import_string(how.serializer)(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        try:
            patch = as_stored(form.validated_data)
            import_string(how.apply)(job.corrected(job.history()), patch)
        except InvalidInput as refused:
            raise ValidationError(translated(refused.detail), code=refused.code) from None
        return patch


class UndoView(Corrected):
    descriptions = {"POST": described.UNDO}

    def post(self, request: Request, pk: UUID) -> Response:
        """Take the last correction back that still counts, by a further revision."""
        job = self.correctable(pk)
        check_precondition(request, job)
        if not standing(job.history()):
            raise Problem(Code.NOT_CORRECTABLE, "There is no correction to take back.")
        return self.revised(job, None)


def as_stored(patch: Any) -> dict[str, Any]:
    """As the database will give it back. Raises InvalidInput for what JSON cannot hold, and for too much."""
    try:
        text = strict_json(patch)
    except ValueError:
        raise InvalidInput(Code.INVALID_REQUEST, "The correction holds a value that JSON cannot hold.") from None
    if len(text) > MOST_PATCH_CHARACTERS:
        raise InvalidInput(Code.TOO_LARGE, "The correction is too large.")
    stored: dict[str, Any] = json.loads(text)
    return stored


def check_precondition(request: Request, job: Job) -> None:
    """`*` is no answer to which revision the correction was made from. Raises Problem: `precondition_required`, `stale_revision`."""
    tags = named(request, "If-Match")
    if not tags or "*" in tags:
        raise Problem(Code.PRECONDITION_REQUIRED)
    if tag(job) not in tags:
        raise Problem(Code.STALE_REVISION)


def named(request: Request, header: str) -> set[str]:
    return set(parse_etags(request.headers.get(header, "")))


def tag(job: Job) -> str:
    return f'"{job.revision}"'


def shown(job: Job) -> Response:
    history = job.history()
    document = CorrectedSerializer({"revision": job.revision, "result": job.corrected(history), "history": history})
    return tagged(Response(document.data), job)


def tagged(response: Response, job: Job) -> Response:
    response["ETag"] = tag(job)
    response["Cache-Control"] = "private, no-cache"
    return response
