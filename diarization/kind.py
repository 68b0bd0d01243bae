"""What web and workers both know about recordings and who spoke when."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tasks.errors import Code, InvalidInput
from tasks.kinds import Corrections, Kind, Operation, Renderer, parameters_and_inputs
from tasks.models import Job
from tasks.sealing import Unreadable

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


KIND = Kind(
    name="diarization",
    model="diarization.inference.model.DiarizationModel",
    operations={
        "predict": Operation(
            deadline_seconds=60,
            unit="audio second",
            deadline_seconds_per_unit=1.0,
            result=RESULT,
            renderers=FORMATS,
            corrections=CORRECTIONS,
            links={"recluster": "recluster"},
        ),
        "recluster": Operation(
            deadline_seconds=120, result=RESULT, renderers=FORMATS, corrections=CORRECTIONS, links={"recluster": "recluster"}
        ),
    },
    memory_limit_bytes=6_000_000_000,  # loaded it holds 0.64 GB; four hours of recording take it to 1.7
    memory_recycle_bytes=2_000_000_000,
    keep_inputs_seconds=7 * 86_400,
    model_version="offline-2",
    arguments=arguments,
    job_routes={"recluster": "diarization.views.ReclusterView"},
)
