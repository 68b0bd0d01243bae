"""Submitting a job and following it."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.http import parse_etags
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from tasks.documents import JobListSerializer, etag, job_document, job_url
from tasks.errors import Code
from tasks.kinds import kinds
from tasks.limits import NO_KEY, Key, limits_of
from tasks.models import IdempotencyKey, Job, SavedFile, fingerprints
from tasks.openapi import jobs as described
from tasks.openapi.descriptions import Descriptions
from tasks.problems import Problem
from tasks.serializers import MOST_JOBS, JobFilterSerializer, SubmitSerializer
from tasks.waiting import FRONT, HOLD, held_for, refuse_odd_wait, wanted_seconds

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def owner_id(request: Request) -> int:
    """Every view here asks for an authenticated user first."""
    return int(request.user.pk)  # type: ignore[arg-type]  # an anonymous user does not come this far


def key_of(request: Request) -> Key:
    key: Any = request.auth  # the project's API key; None for a session
    return key or NO_KEY


class HasScope(BasePermission):
    """A key submits only to the kinds it has scopes for."""

    message = "This API key has no scope for this kind."

    def has_permission(self, request: Request, view: APIView) -> bool:
        key: Any = request.auth  # the project's API key; None for a session
        return key is None or bool(key.allows(getattr(view, "kind", "")))


class JobAnswers(GenericAPIView[Job]):
    """A view that answers with a job, and may have its client held until that job ends."""

    kind: str = ""  # a view of one kind answers no other kind's jobs
    descriptions: Descriptions
    serializer_class: type[BaseSerializer[Any]] = JobListSerializer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        refuse_odd_wait(request)

    def own_job(self, pk: UUID | str) -> Job:
        jobs = Job.objects.filter(kind=self.kind) if self.kind else Job.objects.all()
        job = get_object_or_404(jobs, pk=pk, owner_id=owner_id(self.request))
        if job.erased_at:
            raise Problem(Code.GONE)
        return job

    def answer(self, job: Job, status: int = 200) -> Response:
        """The job; while it runs, the front is asked to hold a client that wants to wait.

        Never twice: after the hold the client gets what there is. What the front keeps back needs no body, and neither does a client that
        names the job as it is (`If-None-Match`); one that names another state of it is answered at once.
        """
        seconds, known = wanted_seconds(self.request), self.known(job)
        hold = bool(seconds) and not job.ended and known is not False and not held_for(self.request)
        held_back = hold and FRONT in self.request.META
        unchanged = bool(known) and not held_back
        response = Response(None if unchanged or held_back else job_document(job), 304 if unchanged else status)
        response["Location"] = job_url(job)
        response["Cache-Control"] = "private, no-cache"
        response["ETag"] = etag(job)
        if not job.ended:
            response["Retry-After"] = "1"
        if seconds is not None:
            response["Preference-Applied"] = f"wait={seconds}"
            response["Vary"] = "Prefer"
        if hold:
            response[HOLD] = f"{job.pk} {seconds}"
        return response

    def known(self, job: Job) -> bool | None:
        """Whether the client has the job as it is, by the tags that it sent with a GET; None if it sent none."""
        tags = parse_etags(self.request.headers.get("If-None-Match", ""))
        if not tags or self.request.method != "GET":
            return None
        return "*" in tags or etag(job) in tags


class SubmitView(JobAnswers):
    """An app's whole view: `kind`, `operation` and `serializer_class`. Answers 202 with the job, or 200 where it ended while the client
    waited."""

    operation: str
    serializer_class: type[SubmitSerializer]
    descriptions = {"POST": described.submit}
    permission_classes = [IsAuthenticated, HasScope]

    def post(self, request: Request) -> Response:
        if held := held_for(request):
            job = self.own_job(held)
            return self.answer(job, 200 if job.ended else 202)
        limits = limits_of(key_of(request), self.kind)
        limits.check()
        job = self.submit(request)
        response = self.answer(job, 200 if job.ended else 202)
        for name, value in limits.headers().items():
            response[name] = value
        return response

    def submit(self, request: Request) -> Job:
        """The job that this request makes, or that it made before under the same `Idempotency-Key`."""
        form = self.serializer_class(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        key = self.idempotency_key(request, form)
        if key and (made := IdempotencyKey.objects.job_of(key)):
            return self.own_job(made.pk)
        return Job.objects.submit(
            owner_id=owner_id(request),
            kind=kinds()[self.kind],
            operation=self.operation,
            parameters=form.parameters(),
            uploads=form.uploads(),
            units=form.units(),
            api_key=key_of(request).pk or None,
            idempotency=key,
            **form.options(),
        )

    def idempotency_key(self, request: Request, form: SubmitSerializer) -> IdempotencyKey | None:
        """What the header asks for, not stored yet."""
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return None
        if not IDEMPOTENCY_KEY.fullmatch(key):
            raise ValidationError({"Idempotency-Key": "One to 255 visible characters."})
        fingerprint = fingerprints.of_request(form.parameters(), form.options(), form.uploads())
        return IdempotencyKey(owner_id=owner_id(request), route=f"{self.kind}/{self.operation}", key=key, fingerprint=fingerprint)


class JobView(JobAnswers):
    descriptions = {"GET": described.JOB, "DELETE": described.ERASE}

    def get(self, request: Request, pk: UUID) -> Response:
        return self.answer(self.own_job(pk))

    def delete(self, request: Request, pk: UUID) -> Response:
        """Erase it: from now on it answers 410."""
        self.own_job(pk).erase()
        return Response(status=204)


class CancelView(JobAnswers):
    descriptions = {"POST": described.CANCEL}

    def post(self, request: Request, pk: UUID) -> Response:
        job = self.own_job(pk)
        job.cancel()
        job.refresh_from_db()
        return self.answer(job, 200 if job.ended else 202)


class RetryView(JobAnswers):
    descriptions = {"POST": described.RETRY}

    def post(self, request: Request, pk: UUID) -> Response:
        job = self.own_job(pk)
        job.retry()
        job.refresh_from_db()
        return self.answer(job, 202)


class JobPages(CursorPagination):
    ordering = ("-created_at", "-id")
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = MOST_JOBS

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except DjangoValidationError:  # a cursor that somebody made up
            raise NotFound(self.invalid_cursor_message) from None


class JobListView(ListAPIView[Job]):
    """One's own jobs, newest first."""

    serializer_class = JobListSerializer
    pagination_class = JobPages
    descriptions = {"GET": described.JOBS}

    def get_queryset(self) -> QuerySet[Job]:
        wanted = JobFilterSerializer(data=self.request.query_params.dict())
        wanted.is_valid(raise_exception=True)
        return Job.objects.filter(owner_id=owner_id(self.request), erased_at=None, **wanted.conditions())


class FileView(JobAnswers):
    """A saved file for the owner of its job. Opened as a page it can neither run script nor load anything."""

    descriptions = {"GET": described.FILE}

    def get(self, request: Request, pk: UUID, name: str) -> HttpResponseBase:
        saved = get_object_or_404(SavedFile, job=self.own_job(pk), name=name)
        try:
            content = saved.open()
        except FileNotFoundError:
            raise NotFound from None
        response = FileResponse(content, content_type=saved.content_type, filename=saved.name)
        response["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
        response["Cache-Control"] = "private, no-cache"
        return response
