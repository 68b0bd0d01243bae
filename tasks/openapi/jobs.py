"""What the routes of jobs take and answer."""

from __future__ import annotations

from typing import Any

from tasks.errors import Code
from tasks.openapi.descriptions import Answer, Description
from tasks.openapi.documents import (
    AnyJobSerializer,
    AnyPatchSerializer,
    CapabilitiesSerializer,
    CorrectedSerializer,
    Example,
    FormatQuerySerializer,
    HealthSerializer,
    JobPageSerializer,
    ReadinessSerializer,
    job_serializer,
    result_formats,
    result_serializer,
    spoken,
)
from tasks.serializers import JobFilterSerializer

JOB_HEADERS = ("Location", "Retry-After", "ETag", "Preference-Applied", "Cache-Control", "Vary")
LIMIT_HEADERS = ("RateLimit", "RateLimit-Policy")
OF_A_JOB = (Code.NOT_FOUND, Code.FORBIDDEN, Code.GONE)


def job(view: Any) -> Description:
    """In any format that an operation of this installation has."""
    return Description(
        name="getJob",
        tag="jobs",
        summary="A job, or its result in another format",
        query=FormatQuerySerializer,
        headers=("Prefer", "If-None-Match"),
        answers={
            200: Answer(
                "The job as it is, or its result in the format that was asked for.", AnyJobSerializer, JOB_HEADERS, {}, result_formats()
            ),
            304: Answer("It is as `If-None-Match` says.", None, JOB_HEADERS),
        },
        codes=(*OF_A_JOB, Code.NOT_ACCEPTABLE, Code.NOT_READY, Code.NO_RESULT),
    )


ERASE = Description(
    name="eraseJob", tag="jobs", summary="Erase a job", answers={204: Answer("From now on it answers 410.")}, codes=OF_A_JOB
)
CANCEL = Description(
    name="cancelJob",
    tag="jobs",
    summary="Cancel a job",
    headers=("Prefer",),
    answers={
        200: Answer("It has ended.", AnyJobSerializer, JOB_HEADERS),
        202: Answer("It will be canceled within seconds.", AnyJobSerializer, JOB_HEADERS),
    },
    codes=OF_A_JOB,
)
RETRY = Description(
    name="retryJob",
    tag="jobs",
    summary="Run a failed job again",
    headers=("Prefer",),
    answers={202: Answer("The same job is queued again.", AnyJobSerializer, JOB_HEADERS)},
    codes=(*OF_A_JOB, Code.NOT_RETRYABLE, Code.INPUT_GONE, Code.INPUT_QUARANTINED),
)
JOBS = Description(
    name="listJobs",
    tag="jobs",
    summary="One's own jobs",
    query=JobFilterSerializer,
    answers={200: Answer("A page of them, newest first.", JobPageSerializer)},
    codes=(Code.NOT_FOUND,),
)
FILE = Description(
    name="getJobFile",
    tag="jobs",
    summary="A file that the model saved",
    answers={200: Answer("Its content; the job says of which type.", "*/*", ("Cache-Control", "Content-Disposition"))},
    codes=OF_A_JOB,
)
CORRECTED = Answer("The result with its corrections.", CorrectedSerializer, ("ETag", "Cache-Control"))
OF_A_CORRECTION = (*OF_A_JOB, Code.NOT_CORRECTABLE)
OF_A_CHANGE = (*OF_A_CORRECTION, Code.PRECONDITION_REQUIRED, Code.STALE_REVISION)
CORRECTIONS = Description(
    name="getCorrections",
    tag="jobs",
    summary="A result as people corrected it",
    headers=("If-None-Match",),
    answers={200: CORRECTED, 304: Answer("Nobody has corrected it since.", None, ("ETag", "Cache-Control"))},
    codes=OF_A_CORRECTION,
)
CORRECT = Description(
    name="correctResult",
    tag="jobs",
    summary="Correct a result",
    request=AnyPatchSerializer,
    headers=("If-Match",),
    answers={200: CORRECTED},
    codes=OF_A_CHANGE,
)
UNDO = Description(
    name="undoCorrection",
    tag="jobs",
    summary="Take the last correction back",
    headers=("If-Match",),
    answers={200: CORRECTED},
    codes=OF_A_CHANGE,
)
CAPABILITIES = Description(
    name="getCapabilities",
    tag="service",
    summary="What this installation can do",
    headers=("If-None-Match",),
    answers={
        200: Answer("Kinds, operations, limits, formats, codes.", CapabilitiesSerializer, ("ETag", "Cache-Control")),
        304: Answer("It is as `If-None-Match` says.", None, ("ETag", "Cache-Control")),
    },
)
LIVEZ = Description(name="livez", tag="service", summary="Is the process alive?", answers={200: Answer("It answers.", HealthSerializer)})
READYZ = Description(
    name="readyz",
    tag="service",
    summary="Can work be accepted?",
    answers={200: Answer("It can.", ReadinessSerializer), 503: Answer("It cannot: `checks` says why.", ReadinessSerializer)},
)
SCHEMA = Description(
    name="getSchema",
    tag="service",
    summary="This description",
    answers={200: Answer("An OpenAPI 3.1 document.", "application/vnd.oai.openapi+json", ("Cache-Control",))},
)
DOCS = Description(name="getDocs", tag="service", summary="This description as a page", answers={200: Answer("A page.", "text/html")})


def submit(view: Any) -> Description:
    """Of a `SubmitView`."""
    kind, operation = view.kind, getattr(view, "operation", "")
    shape = job_serializer(kind, operation)
    examples = {"queued": Example.queued(kind, operation)} if operation else {}
    return Description(
        name=f"submit{spoken(kind, operation)}",
        tag=kind,
        summary=str(view.__doc__ or f"Submit to {kind}").partition("\n")[0].rstrip("."),
        request=view.serializer_class,
        headers=("Prefer", "Idempotency-Key"),
        answers={
            200: Answer("The job has ended while the client waited.", shape, JOB_HEADERS + LIMIT_HEADERS, ended(kind, operation)),
            202: Answer("The job is accepted: it ends exactly once.", shape, JOB_HEADERS + LIMIT_HEADERS, examples),
        },
        codes=(
            *(Code.FORBIDDEN, Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE, Code.RATE_LIMITED, Code.TOO_MANY_QUEUED, Code.QUEUE_FULL),
            *(Code.MAINTENANCE, Code.INPUT_QUARANTINED, Code.IDEMPOTENCY_KEY_REUSED, Code.GONE),
            *getattr(view, "codes", ()),
        ),
    )


def ended(kind: str, operation: str) -> dict[str, Any]:
    """A succeeded job with its kind's example of a result, if it has one."""
    example = getattr(result_serializer(kind, operation), "example", None)
    return {"succeeded": Example.succeeded(kind, operation, example)} if example else {}
