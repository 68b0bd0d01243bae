"""What web and workers both know about recordings and who spoke when."""

from __future__ import annotations

from tasks.kinds import Kind, Operation, Renderer

KIND = Kind(
    name="diarization",
    model="diarization.inference.model.DiarizationModel",
    operations={
        "predict": Operation(
            deadline_seconds=60,
            unit="audio second",
            deadline_seconds_per_unit=1.0,
            result="diarization.serializers.PredictResultSerializer",
            renderers={
                "rttm": Renderer("text/x-rttm", "diarization.formats.rttm"),
                "srt": Renderer("application/x-subrip", "diarization.formats.srt"),
                "vtt": Renderer("text/vtt", "diarization.formats.vtt"),
                "csv": Renderer("text/csv", "diarization.formats.csv"),
            },
        )
    },
    memory_limit_bytes=6_000_000_000,  # loaded it holds 0.64 GB; four hours of recording take it to 1.7
    memory_recycle_bytes=2_000_000_000,
    keep_inputs_seconds=7 * 86_400,
    model_version="offline-2",
)
