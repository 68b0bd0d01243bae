"""What web and workers both know about garments."""

from __future__ import annotations

from tasks.kinds import Kind, Operation, Renderer

MODEL_VERSION = "garments-1"
LONGEST_SIDE = 2000
"""Pixels of the picture the model works on: enough to read the scale sheet's markers."""

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
                "svg": Renderer("image/svg+xml", "keypoints.drawing.svg", link="overlay"),
                "png": Renderer("image/png", "keypoints.drawing.png"),
            },
        ),
    },
    memory_limit_bytes=2_000_000_000,  # loaded it holds 0.34 GB
    memory_recycle_bytes=1_000_000_000,
    keep_inputs_seconds=7 * 86400,
    model_version=MODEL_VERSION,
)
