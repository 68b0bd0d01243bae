"""Submitting garments, and the sheet that lies beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils.translation import get_language
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request

from keypoints.printing import MEDIA_TYPES, printed
from keypoints.serializers import MoveSerializer, PredictSerializer, SheetSerializer
from tasks.corrections import CorrectionsView
from tasks.formats import sandboxed
from tasks.openapi.descriptions import Answer, Description
from tasks.openapi.jobs import CORRECT, CORRECTIONS
from tasks.views import SubmitView

FRESH_SECONDS = 86_400


class PredictView(SubmitView):
    """Find the measuring points of a garment."""

    kind = "keypoints"
    operation = "predict"
    serializer_class = PredictSerializer


class PointsView(CorrectionsView):
    """A garment's corrections, under the name of what is corrected."""

    descriptions = {
        "GET": replace(CORRECTIONS, name="getPoints", tag="keypoints", summary="A garment's result as people corrected it"),
        "PATCH": replace(CORRECT, name="movePoints", tag="keypoints", summary="Move points of a garment", request=MoveSerializer),
    }


class SheetView(GenericAPIView[Any]):
    """The scale sheet to print; without a key, so that a link to it can be clicked."""

    authentication_classes = []
    permission_classes = []
    serializer_class = SheetSerializer
    descriptions: ClassVar = {
        "GET": Description(
            name="getScaleSheet",
            tag="keypoints",
            summary="The scale sheet to print",
            query=SheetSerializer,
            answers={
                200: Answer("The sheet at its true size.", "application/pdf", ("Cache-Control", "Vary"), {}, ("image/svg+xml", "image/png"))
            },
        )
    }

    def get(self, request: Request) -> HttpResponse:
        form = SheetSerializer(data=request.query_params.dict())
        form.is_valid(raise_exception=True)
        wanted = form.validated_data
        language = wanted.get("lang") or get_language()
        response = HttpResponse(printed(wanted["paper"], wanted["format"], language), content_type=MEDIA_TYPES[wanted["format"]])
        response["Content-Disposition"] = f'inline; filename="fitsize-{wanted["paper"]}.{wanted["format"]}"'
        response["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
        response["Content-Language"] = language
        response["Vary"] = "Accept-Language"
        return sandboxed(response)
