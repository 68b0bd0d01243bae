from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tasks.openapi.descriptions import Answer, Description
from tasks.views import JobAnswers, SubmitView
from tests.fakes.serializers import FakeSerializer


class FakeView(SubmitView):
    kind = "fakes"
    serializer_class = FakeSerializer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.__dict__["operation"] = kwargs.get("operation", "echo")
        super().initial(request, *args, **kwargs)

    def post(self, request: Request, operation: str = "echo") -> HttpResponseBase:
        return super().post(request)


class ShoutSerializer(serializers.Serializer[Any]):
    shout = serializers.CharField()


class ShoutView(JobAnswers):
    """A route of this kind's jobs alone."""

    descriptions = {"GET": Description(name="shout", tag="fakes", summary="Shout", answers={200: Answer("Loud.", ShoutSerializer)})}

    def get(self, request: Request, pk: UUID) -> Response:
        return Response({"shout": str(self.own_job(pk).parameters.get("text", "")).upper()})
