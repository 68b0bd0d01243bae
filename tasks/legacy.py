"""Adapters for programs that are older than this service, and know nothing of keys and jobs: `LEGACY_CLIENTS` says which are let in.

They answer as those programs expect, and work as everything else does: the same jobs, queues and limits, of one account.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tasks.errors import Code
from tasks.formats import JSON
from tasks.languages import sentence
from tasks.models import Job, State
from tasks.parsers import BoundedJSONParser
from tasks.problems import Problem, Unavailable
from tasks.serializers import SubmitSerializer
from tasks.views import SubmitView
from tasks.waiting import FRONT, HOLD

NOTHING = "There is nothing at this address."  # as where no view is


class AnyJSONParser(BoundedJSONParser):
    """JSON whatever the client calls it: old ones name no type, or a form's."""

    media_type = "*/*"


class LegacyView(APIView):
    """Mixed into a view of ours. Without its client in `LEGACY_CLIENTS` there is nothing at its address, and the API's description does not
    have it."""

    client: str
    schema = None

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [import_string(settings.LEGACY_AUTHENTICATION)()]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if self.client not in settings.LEGACY_CLIENTS:
            raise NotFound(NOTHING)
        super().initial(request, *args, **kwargs)


class WaitedForSerializer(SubmitSerializer):
    """The client reads the answer to this request or none: what has not started when its time is over is not run.

    A job's options cannot be set: nobody has to show a key here.
    """

    expires_in = priority = keep_input = callback_url = None  # type: ignore[assignment]  # so a serializer is without a field of its parent's

    def refuse_unknown(self, data: dict[str, Any]) -> None:
        """The old servers took no notice either."""

    def refuse_mistyped(self, data: dict[str, Any]) -> None:
        """As above: these fields are not named here."""

    def options(self) -> dict[str, Any]:
        return {"expires_in": self.context["view"].wait_seconds(), "keep_input": False}


class WaitingView(LegacyView, SubmitView):
    """A submit whose client is answered with the result, and waits for it as anybody who prefers to wait: held by the front, without a
    thread.

    When its time is over the job is canceled, as nobody can ask for it any more, and the answer is 503 with `Retry-After`.
    """

    def wait_seconds(self) -> int:
        """How long this request's client waits; asked in a first pass alone."""
        return int(settings.LEGACY_WAIT_SECONDS)

    def answer(self, job: Job, status: int = 200, form: str = JSON) -> HttpResponseBase:
        if job.state == State.SUCCEEDED:
            return self.result(job)
        if job.state == State.FAILED:
            return self.failure(job)
        if not job.ended and self.request.META.get(FRONT) == "":
            return Response(headers={HOLD: f"{job.pk} {self.wait_seconds()}"})
        job.cancel()
        raise Unavailable

    def result(self, job: Job) -> HttpResponseBase:
        raise NotImplementedError

    def failure(self, job: Job) -> HttpResponseBase:
        """Raises Problem: the input's fault with its code, ours as 503."""
        error: dict[str, Any] = job.error or {}
        if error.get("status", 500) >= 500:
            raise Unavailable
        raise Problem(Code(error["code"]), detail_of(error))


def detail_of(error: dict[str, Any]) -> str:
    """What a failed job's error says, with what it takes to say it in another language."""
    message = error.get("message")
    return sentence(message["id"], **message["values"]) if message else str(error["detail"])
