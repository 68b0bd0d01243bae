from __future__ import annotations

from dataclasses import replace

from keypoints.serializers import MoveSerializer, PredictSerializer
from tasks.corrections import CorrectionsView
from tasks.openapi.jobs import CORRECT, CORRECTIONS
from tasks.views import SubmitView


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
