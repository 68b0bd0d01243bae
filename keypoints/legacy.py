"""The garment scanning app of before: it sends a photo with a checkerboard of 5 x 5 squares, and polls a task."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from keypoints.landmarks import OLD_TYPES, Visibility
from tasks.fields import PictureField
from tasks.formats import JSON
from tasks.languages import sentence, translated_lazy
from tasks.legacy import AnyJSONParser, LegacyView
from tasks.models import Job, State
from tasks.serializers import SubmitSerializer
from tasks.views import JobAnswers, SubmitView

CLIENT = "garment-app"
TYPES = {old.name: old for old in OLD_TYPES}
STATUS = {State.QUEUED: "PENDING", State.RUNNING: "STARTED", State.SUCCEEDED: "SUCCESS"}
"""Every other state is a FAILURE."""
VISIBLE = {Visibility.VISIBLE: 1, Visibility.HIDDEN: 0, Visibility.ABSENT: -1}
"""As the app's landmarks have it (FashionAI, 2018): an absent point is at -1, -1."""
LARGEST = 2**15 - 1


class ScriptSerializer(SubmitSerializer):
    image = PictureField()
    clothing = serializers.ChoiceField(
        choices=list(TYPES),
        error_messages={
            "invalid_choice": translated_lazy(sentence("There is no such clothing; the choices are %(known)s.", known=", ".join(TYPES)))
        },
    )

    def parameters(self) -> dict[str, Any]:
        """The board's squares count as a centimetre: the app wants pixels per square."""
        return {**super().parameters(), "reference": "checkerboard", "square_cm": 1.0}


class ScriptView(LegacyView, SubmitView):
    client = CLIENT
    kind = "keypoints"
    operation = "predict"
    serializer_class = ScriptSerializer
    parser_classes = (AnyJSONParser,)

    def answer(self, job: Job, status: int = 200, form: str = JSON) -> HttpResponseBase:
        return Response({"task_id": str(job.pk)})


class TaskStatusView(LegacyView, JobAnswers):
    client = CLIENT
    kind = "keypoints"

    def get(self, request: Request, pk: UUID) -> Response:
        job = self.own_job(pk)
        done = job.state == State.SUCCEEDED
        answer = {"status": STATUS.get(State(job.state), "FAILURE"), "result": task_result(job.result or {}) if done else None}
        return Response(answer, headers={"Cache-Control": "no-store"})


def task_result(result: dict[str, Any]) -> dict[str, Any]:
    points = {point["name"]: point for point in result["points"]}
    scale = result["scale"]
    board = bool(scale) and scale["reference"] == "checkerboard"
    return {
        "keypoints": {name: keypoint(points.get(ours)) for name, ours in TYPES[result["clothing"]].points.items()},
        "cb_box_distance": round(scale["px_per_cm"], 2) if board else None,
    }


def keypoint(point: dict[str, Any] | None) -> str:
    """As numpy writes an array of 16-bit numbers, which the app takes apart."""
    numbers = (-1, -1, -1)
    if point is not None and point["visibility"] != Visibility.ABSENT:
        x, y = (max(-LARGEST, min(LARGEST, round(point[axis]))) for axis in ("x", "y"))
        numbers = (x, y, VISIBLE[Visibility(point["visibility"])])
    width = max(len(str(number)) for number in numbers)
    return f"array([{', '.join(str(number).rjust(width) for number in numbers)}], dtype=int16)"


urlpatterns = [
    path("keypoints/execScript/", ScriptView.as_view()),
    path("keypoints/taskStatus/<uuid:pk>/", TaskStatusView.as_view()),
]
