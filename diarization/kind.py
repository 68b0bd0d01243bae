"""What web and workers both know about recordings and who spoke when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings

from diarization.configured import configured
from tasks.errors import Code, InvalidInput
from tasks.kinds import Corrections, Kind, Operation, Renderer, parameters_and_inputs
from tasks.models import Job
from tasks.sealing import Unreadable

PIPELINE = configured(settings.DIARIZATION_PIPELINE)
HEARD = "heard"
"""The private, sealed file of a job in which its model left what it heard of the voices."""
FORMATS = {
    "rttm": Renderer("text/x-rttm", "diarization.formats.rttm"),
    "srt": Renderer("application/x-subrip", "diarization.formats.srt"),
    "vtt": Renderer("text/vtt", "diarization.formats.vtt"),
    "csv": Renderer("text/csv", "diarization.formats.csv"),
    "audacity": Renderer("text/plain", "diarization.formats.audacity", extension="txt"),
    "svg": Renderer("image/svg+xml", "diarization.timeline.svg", link="timeline"),
}
CORRECTIONS = Corrections(
    serializer="diarization.serializers.CorrectionSerializer",
    apply="diarization.corrections.correct",
    follow="diarization.corrections.recount",
)
RESULT = "diarization.serializers.PredictResultSerializer"


def arguments(job: Job) -> dict[str, Any]:
    """A recording; or what was heard of one by the job that `reclustered_from` names. Raises InvalidInput("input_gone")."""
    if job.operation != "recluster":
        return {name: value for name, value in parameters_and_inputs(job).items() if name != "use_mps"}  # an old client's wish
    try:
        return {**job.parameters, HEARD: Job(pk=UUID(job.parameters["reclustered_from"])).open_saved(HEARD)}
    except (FileNotFoundError, Unreadable):
        raise InvalidInput(Code.INPUT_GONE) from None


def links(job: Job) -> Mapping[str, str]:
    """Of channels apart nothing was heard that could be told apart anew."""
    return {} if job.parameters.get("channels") == "separate" else {"recluster": "recluster"}


KIND = Kind(
    name="diarization",
    model="diarization.inference.model.DiarizationModel",
    operations={
        "predict": Operation(
            deadline_seconds=60,
            unit="audio second",
            deadline_seconds_per_unit=4.0 if PIPELINE.pyannote else 1.0,  # pyannote's needs 0.35 CPU seconds, on a machine of its own
            result=RESULT,
            renderers=FORMATS,
            corrections=CORRECTIONS,
        ),
        # pyannote's linkage of 20 000 embeddings takes 36 s on a free machine, and four hours may give 30 000
        "recluster": Operation(
            deadline_seconds=600 if PIPELINE.pyannote else 120, result=RESULT, renderers=FORMATS, corrections=CORRECTIONS
        ),
    },
    # Offline holds 0.67 GB when loaded, and 1.0 with four hours of recording. pyannote's clustering holds the distances of all pairs of
    # embeddings, twice: 7 GB for the 30 000 that four hours of lively talk may give (computed, not measured).
    memory_limit_bytes=10_000_000_000 if PIPELINE.pyannote else 6_000_000_000,
    memory_recycle_bytes=2_000_000_000,
    keep_inputs_seconds=7 * 86_400,
    model_version=PIPELINE.version,
    arguments=arguments,
    job_routes={"recluster": "diarization.views.ReclusterView"},
    job_links=links,
)
