"""What web and workers both know about selfies."""

from __future__ import annotations

from tasks.kinds import Kind, Operation

KIND = Kind(
    name="faces",
    model="faces.inference.model.FaceModel",
    operations={
        "validate": Operation(
            deadline_seconds=30, unit="picture", result="faces.serializers.ValidateResultSerializer", localized="faces.answers.judged"
        ),
        "verify": Operation(deadline_seconds=30, unit="picture", result="faces.serializers.VerifyResultSerializer"),
    },
    memory_limit_bytes=2_000_000_000,  # loaded it holds 0.39 GB
    memory_recycle_bytes=1_000_000_000,
    keep_inputs_seconds=0,
    model_version="dlib-hog-resnet-v1",
)
