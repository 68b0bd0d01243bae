"""Submitting recordings."""

from __future__ import annotations

from diarization.serializers import PredictSerializer
from tasks.views import SubmitView


class PredictView(SubmitView):
    """Who speaks when in a recording."""

    kind = "diarization"
    operation = "predict"
    serializer_class = PredictSerializer
