from __future__ import annotations

from keypoints.serializers import PredictSerializer
from tasks.views import SubmitView


class PredictView(SubmitView):
    """Find the measuring points of a garment."""

    kind = "keypoints"
    operation = "predict"
    serializer_class = PredictSerializer
