"""What web and workers both know about garments."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from tasks.kinds import Corrections, Kind, Operation, Renderer

MODEL_VERSION = "garments-3"


def model_version() -> str:
    """Weights of an operator's own are called as their file is, which the web process need not have."""
    return Path(settings.KEYPOINTS_WEIGHTS).stem if settings.KEYPOINTS_WEIGHTS else MODEL_VERSION


KIND = Kind(
    name="keypoints",
    model="keypoints.inference.model.GarmentModel",
    operations={
        "predict": Operation(
            deadline_seconds=60,
            unit="picture",
            result="keypoints.serializers.PredictResultSerializer",
            renderers={
                "csv": Renderer("text/csv", "keypoints.formats.csv"),
                "coco": Renderer("application/vnd.coco+json", "keypoints.formats.coco"),
                "svg": Renderer("image/svg+xml", "keypoints.drawing.svg", link="overlay"),
                "png": Renderer("image/png", "keypoints.drawing.png"),
            },
            corrections=Corrections(
                serializer="keypoints.serializers.MoveSerializer",
                apply="keypoints.corrections.move",
                follow="keypoints.corrections.remeasure",
            ),
        ),
    },
    memory_limit_bytes=2_000_000_000,  # loaded it holds 0.34 GB
    memory_recycle_bytes=1_000_000_000,
    keep_inputs_seconds=7 * 86400,
    model_version=model_version(),
    job_routes={"points": "keypoints.views.PointsView"},
)
