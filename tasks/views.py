"""Submitting a job and following it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import Q, QuerySet
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.http import parse_etags
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import NotFound, PermissionDenied, UnsupportedMediaType, ValidationError
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from tasks.documents import JobListSerializer, etag, job_document, job_url
from tasks.errors import Code
from tasks.formats import JSON, rendered, sandboxed, takes_json, wanted_format
from tasks.kinds import Operation, kinds
from tasks.languages import sentence
from tasks.large_bodies import GO_ON, announced_bytes
from tasks.limits import NO_KEY, Key, limits_of
from tasks.models import IdempotencyKey, Job, SavedFile, State, fingerprints
from tasks.openapi import jobs as described
from tasks.openapi.descriptions import Descriptions
from tasks.parsers import BoundedJSONParser
from tasks.problems import Problem
from tasks.sealing import Unreadable
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
    """A key submits only to the kinds it has scopes for; an operation or a view may ask for another (`scope`)."""

    message = gettext_lazy("This API key has no scope for this kind.")

    def has_permission(self, request: Request, view: APIView) -> bool:
        return allowed(request, getattr(view, "scope", "") or getattr(view, "kind", ""))


def allowed(request: Request, scope: str) -> bool:
    """Whether this request's key has the scope; a session, of a person at a page, has them all."""
    key: Any = request.auth  # the project's API key; None for a session
    return key is None or bool(key.allows(scope))


class JobAnswers(GenericAPIView[Job]):
    """A view that answers with a job, and may have its client held until that job ends."""

    kind: str = ""  # a view of one kind answers no other kind's jobs
    descriptions: Descriptions
    serializer_class: type[BaseSerializer[Any]] = JobListSerializer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        refuse_odd_wait(request)

    def own_job(self, pk: UUID) -> Job:
        job = Job.objects.of_owner(owner_id(self.request), pk)
        if job is None or (self.kind and job.kind != self.kind):
            raise NotFound
        if job.asked:
            self.check_scope(job.asked.scope_of(job.parameters))
        if job.erased_at:
            raise Problem(Code.GONE)
        return job

    def check_scope(self, scope: str) -> None:
        """Raises PermissionDenied."""
        if scope and not allowed(self.request, scope):
            raise PermissionDenied

    def answer(self, job: Job, status: int = 200, form: str = JSON) -> HttpResponseBase:
        """The job, or its result in a format of its operation; while it runs, the front is asked to hold a client that wants to wait.

        Never twice: after the hold the client gets what there is. What the front keeps back needs no body, and neither does a client that
        names the job as it is (`If-None-Match`); one that names another state of it is answered at once.
        """
        seconds, known = wanted_seconds(self.request), self.known(job, form)
        hold = bool(seconds) and not job.ended and known is not False and not held_for(self.request)
        held_back = hold and FRONT in self.request.META
        unchanged = bool(known) and not held_back
        response = Response(None, 304 if unchanged else status) if unchanged or held_back else self.content(job, status, form)
        response["Location"] = job_url(job)
        response["Cache-Control"] = "private, no-cache"
        response["ETag"] = etag(job, form)
        response["Vary"] = "Accept, Accept-Language"
        if not job.ended:
            response["Retry-After"] = "1"
        if seconds is not None:
            response["Preference-Applied"] = f"wait={seconds}"
            response["Vary"] += ", Prefer"
        if hold:
            response[HOLD] = f"{job.pk} {seconds}"
        return response

    def content(self, job: Job, status: int, form: str) -> HttpResponseBase:
        """Raises Problem for a format that cannot be had, where the client cannot do with JSON: `not_ready`, `no_result`."""
        if form == JSON or (job.state != State.SUCCEEDED and takes_json(self.request)):
            return Response(job_document(job), status)
        if not job.ended:
            raise not_ready()
        if job.state != State.SUCCEEDED or not job.asked:
            raise Problem(Code.NO_RESULT)
        return rendered(job, form, job.asked.renderers[form])

    def known(self, job: Job, form: str = JSON) -> bool | None:
        """Whether the client has the job as it is, by the tags that it sent with a GET; None if it sent none."""
        tags = parse_etags(self.request.headers.get("If-None-Match", ""))
        if not tags or self.request.method != "GET":
            return None
        return "*" in tags or etag(job, form) in tags


def not_ready() -> Problem:
    problem = Problem(Code.NOT_READY)
    problem.wait = 1
    return problem


class SubmitView(JobAnswers):
    """An app's whole view: `kind`, `operation` and `serializer_class`. Answers 202 with the job, or 200 where it ended while the client
    waited."""

    operation: str
    serializer_class: type[SubmitSerializer]
    codes: tuple[Code, ...] = ()  # what this submit alone may be refused for
    descriptions = {"POST": described.submit}
    permission_classes = [IsAuthenticated, HasScope]
    takes_large_bodies = True

    @property
    def asked(self) -> Operation:
        return kinds()[self.kind].operations[self.operation]

    @property
    def scope(self) -> str:
        return self.asked.scope or self.kind

    def post(self, request: Request) -> HttpResponseBase:
        if held := held_for(request):
            job = self.own_job(UUID(held))
            return self.answer(job, 200 if job.ended else 202)
        limits = limits_of(key_of(request), self.kind)
        limits.check()
        if (announced := announced_bytes(request)) is not None:
            return self.let_body_come(request, announced)
        job = self.submit(request)
        response = self.answer(job, 200 if job.ended else 202)
        for name, value in limits.headers().items():
            response[name] = value
        return response

    def let_body_come(self, request: Request, size: int) -> HttpResponseBase:
        """Refuse a large body by its size or type before it is read. Raises Problem, UnsupportedMediaType."""
        parser = self.get_content_negotiator().select_parser(request, self.get_parsers())
        if parser is None:
            raise UnsupportedMediaType(request.content_type)
        most = settings.MAX_JSON_BYTES if isinstance(parser, BoundedJSONParser) else self.serializer_class().most_bytes()
        if size > most:
            raise Problem(Code.TOO_LARGE, sentence("A request to this address has at most %(most)s bytes.", most=most))
        return Response(status=204, headers={GO_ON: str(most)})

    def submit(self, request: Request) -> Job:
        """The job that this request makes, or that it made before under the same `Idempotency-Key`."""
        form = self.serializer_class(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        parameters = form.parameters()
        self.check_scope(self.asked.scope_of(parameters))
        key = self.idempotency_key(request, form)
        if key and (made := IdempotencyKey.objects.job_of(key)):
            return self.own_job(made.pk)
        return Job.objects.submit(
            owner_id=owner_id(request),
            kind=kinds()[self.kind],
            operation=self.operation,
            parameters=parameters,
            uploads=form.uploads(),
            units=form.units(),
            api_key=key_of(request).pk or None,
            idempotency=key,
            along=self.along(form),
            **form.options(),
        )

    def along(self, form: SubmitSerializer) -> Callable[[Job], None] | None:
        """What a kind writes in the transaction that makes the job. It may raise Refused: then there is no job."""
        return None

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
    descriptions = {"GET": described.job, "DELETE": described.ERASE}

    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        job = self.own_job(pk)
        return self.answer(job, form=wanted_format(request, job.asked.renderers if job.asked else {}))

    def delete(self, request: Request, pk: UUID) -> Response:
        """Erase it: from now on it answers 410."""
        self.own_job(pk).erase()
        return Response(status=204)


class CancelView(JobAnswers):
    descriptions = {"POST": described.CANCEL}

    def post(self, request: Request, pk: UUID) -> HttpResponseBase:
        job = self.own_job(pk)
        job.cancel()
        job.refresh_from_db()
        return self.answer(job, 200 if job.ended else 202)


class RetryView(JobAnswers):
    descriptions = {"POST": described.RETRY}

    def post(self, request: Request, pk: UUID) -> HttpResponseBase:
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

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().list(request, *args, **kwargs)
        response["Vary"] = "Accept-Language"
        return response

    def get_queryset(self) -> QuerySet[Job]:
        wanted = JobFilterSerializer(data=self.request.query_params.dict())
        wanted.is_valid(raise_exception=True)
        own = Job.objects.filter(wanted.conditions(), owner_id=owner_id(self.request), erased_at=None)
        return own.exclude(hidden) if (hidden := self.hidden()) else own

    def hidden(self) -> Q:
        """Jobs that this key may not come near. A condition only where there are some: most keys see all, at no cost."""
        found = Q()
        for kind in kinds().values():
            for name, operation in kind.operations.items():
                these = Q(kind=kind.name, operation=name)
                if operation.scope and not allowed(self.request, operation.scope):
                    found |= these
                for parameter, scope in operation.scope_with.items():
                    if not allowed(self.request, scope):
                        found |= these & Q(parameters__has_key=parameter)
        return found


class FileView(JobAnswers):
    """A saved file for the owner of its job. Opened as a page it can neither run script nor load anything."""

    descriptions = {"GET": described.FILE}

    def get(self, request: Request, pk: UUID, name: str) -> HttpResponseBase:
        saved = get_object_or_404(SavedFile, job=self.own_job(pk), name=name, private=False)
        try:
            content = saved.open()
        except (FileNotFoundError, Unreadable):
            raise NotFound from None
        response = FileResponse(content, content_type=saved.content_type, filename=saved.name)
        response["Cache-Control"] = "private, no-cache"
        return sandboxed(response)
