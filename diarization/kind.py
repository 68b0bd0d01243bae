"""What web and workers both know about recordings and who spoke when."""

from __future__ import annotations

from django.conf import settings

from diarization.configured import configured
from tasks.kinds import Kind, Operation, Renderer

OFFLINE_VERSION = "offline-1"
PIPELINE = configured(settings.DIARIZATION_PIPELINE)

KIND = Kind(
    name="diarization",
    model="diarization.inference.model.DiarizationModel",
    operations={
        "predict": Operation(
            deadline_seconds=60,
            unit="audio second",
            deadline_seconds_per_unit=4.0 if PIPELINE.pyannote else 1.0,  # pyannote's needs 0.8 CPU seconds, on a machine of its own
            result="diarization.serializers.PredictResultSerializer",
            renderers={
                "rttm": Renderer("text/x-rttm", "diarization.formats.rttm"),
                "srt": Renderer("application/x-subrip", "diarization.formats.srt"),
                "vtt": Renderer("text/vtt", "diarization.formats.vtt"),
                "csv": Renderer("text/csv", "diarization.formats.csv"),
            },
        )
    },
    # Offline holds 0.64 GB when loaded, and 1.7 with four hours of recording. pyannote's clustering holds the distances of all pairs of
    # embeddings, twice: 7 GB for the 30 000 that four hours of lively talk may give (computed, not measured).
    memory_limit_bytes=10_000_000_000 if PIPELINE.pyannote else 6_000_000_000,
    memory_recycle_bytes=2_000_000_000,
    keep_inputs_seconds=7 * 86_400,
    model_version=PIPELINE.version if PIPELINE.pyannote else OFFLINE_VERSION,
)
