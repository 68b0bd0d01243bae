"""Error codes and the exceptions that carry them; one enum for HTTP answers and failed jobs alike."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tasks.languages import message_of


class Code(StrEnum):
    """Every `code` a client can read. `docs/api.md` lists them; a test keeps both together."""

    INVALID_REQUEST = "invalid_request"
    INVALID_BASE64 = "invalid_base64"
    INVALID_IMAGE = "invalid_image"
    INVALID_AUDIO = "invalid_audio"
    INVALID_REFERENCE = "invalid_reference"
    UNSUPPORTED_FORMAT = "unsupported_format"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_LONG = "too_long"
    TRUNCATED_IMAGE = "truncated_image"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    WRONG_LOGIN = "wrong_login"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    REGISTRATION_CLOSED = "registration_closed"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TIMEOUT = "request_timeout"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INTERNAL_ERROR = "internal_error"
    RATE_LIMITED = "rate_limited"
    TOO_MANY_QUEUED = "too_many_queued"
    QUEUE_FULL = "queue_full"
    MAINTENANCE = "maintenance"
    UNAVAILABLE = "unavailable"
    WORKER_CRASHED = "worker_crashed"
    WORKER_LOST = "worker_lost"
    TIMEOUT = "timeout"
    GONE = "gone"
    INPUT_QUARANTINED = "input_quarantined"
    INPUT_GONE = "input_gone"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    NOT_RETRYABLE = "not_retryable"
    NOT_CORRECTABLE = "not_correctable"
    NOT_RECLUSTERABLE = "not_reclusterable"
    NOT_ACCEPTABLE = "not_acceptable"
    NOT_READY = "not_ready"
    NO_RESULT = "no_result"
    PRECONDITION_REQUIRED = "precondition_required"
    STALE_REVISION = "stale_revision"
    FORBIDDEN_ADDRESS = "forbidden_address"
    TOO_MANY_WEBHOOKS = "too_many_webhooks"
    WEBHOOK_DISABLED = "webhook_disabled"
    NO_GARMENT = "no_garment"
    CLOTHING_NEEDED = "clothing_needed"
    NO_SCALE = "no_scale"
    REFERENCES_DISAGREE = "references_disagree"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    CHALLENGE_NEEDS_68_POINTS = "challenge_needs_68_points"
    NO_SPEECH = "no_speech"
    IDENTIFY_OFF = "identify_off"
    CONSENT_NEEDED = "consent_needed"
    PERSON_GONE = "person_gone"
    PERSON_MERGED = "person_merged"
    NOT_MERGEABLE = "not_mergeable"
    NOT_SPLITTABLE = "not_splittable"
    NOT_UNDOABLE = "not_undoable"
    NOTHING_TO_REJECT = "nothing_to_reject"
    NO_TEMPLATE = "no_template"
    INVALID_ARCHIVE = "invalid_archive"


@dataclass(frozen=True)
class CodeFacts:
    status: int
    title: str
    retryable: bool = False


FACTS: dict[Code, CodeFacts] = {
    Code.INVALID_REQUEST: CodeFacts(400, "The request is not valid"),
    Code.INVALID_BASE64: CodeFacts(400, "A field is not base64"),
    Code.INVALID_IMAGE: CodeFacts(400, "The file is not a picture that can be read"),
    Code.INVALID_AUDIO: CodeFacts(400, "The file is not a recording that can be read"),
    Code.INVALID_REFERENCE: CodeFacts(400, "The reference is not RTTM that can be read"),
    Code.UNSUPPORTED_FORMAT: CodeFacts(400, "The format of the file is not supported"),
    Code.TOO_LARGE: CodeFacts(413, "The file or request is too large"),
    Code.TOO_MANY_PIXELS: CodeFacts(400, "The picture has too many pixels"),
    Code.TOO_LONG: CodeFacts(400, "The recording is too long"),
    Code.TRUNCATED_IMAGE: CodeFacts(400, "The picture ends before its end"),
    Code.UNAUTHENTICATED: CodeFacts(401, "No valid API key was sent"),
    Code.FORBIDDEN: CodeFacts(403, "The API key does not allow this"),
    Code.WRONG_LOGIN: CodeFacts(401, "The name or the password is wrong"),
    Code.TOO_MANY_ATTEMPTS: CodeFacts(429, "There were too many attempts of late", retryable=True),
    Code.REGISTRATION_CLOSED: CodeFacts(403, "Nobody can register here"),
    Code.NOT_FOUND: CodeFacts(404, "There is no such resource"),
    Code.METHOD_NOT_ALLOWED: CodeFacts(405, "The method is not allowed here"),
    Code.REQUEST_TIMEOUT: CodeFacts(408, "The body of the request came too slowly", retryable=True),
    Code.UNSUPPORTED_MEDIA_TYPE: CodeFacts(415, "The media type of the request is not supported"),
    Code.INTERNAL_ERROR: CodeFacts(500, "Something went wrong on our side", retryable=True),
    Code.RATE_LIMITED: CodeFacts(429, "This key submits too fast", retryable=True),
    Code.TOO_MANY_QUEUED: CodeFacts(429, "Too many jobs of this key wait", retryable=True),
    Code.QUEUE_FULL: CodeFacts(503, "Too many jobs wait for this kind", retryable=True),
    Code.MAINTENANCE: CodeFacts(503, "The service is being maintained", retryable=True),
    Code.UNAVAILABLE: CodeFacts(503, "The service cannot answer at the moment", retryable=True),
    Code.WORKER_CRASHED: CodeFacts(500, "The model's process crashed on this input"),
    Code.WORKER_LOST: CodeFacts(500, "The worker was lost too often", retryable=True),
    Code.TIMEOUT: CodeFacts(500, "The job ran past its deadline", retryable=True),
    Code.GONE: CodeFacts(410, "The job was erased, or kept for as long as jobs are kept"),
    Code.INPUT_QUARANTINED: CodeFacts(422, "The input has crashed the model's process too often"),
    Code.INPUT_GONE: CodeFacts(409, "The job's input is no longer kept"),
    Code.IDEMPOTENCY_KEY_REUSED: CodeFacts(422, "The Idempotency-Key was used for another request"),
    Code.NOT_RETRYABLE: CodeFacts(409, "The job cannot be run again"),
    Code.NOT_CORRECTABLE: CodeFacts(409, "The result cannot be corrected"),
    Code.NOT_RECLUSTERABLE: CodeFacts(409, "The job's speakers cannot be told apart anew"),
    Code.NOT_ACCEPTABLE: CodeFacts(406, "The result does not exist in this format"),
    Code.NOT_READY: CodeFacts(409, "The job has not ended yet", retryable=True),
    Code.NO_RESULT: CodeFacts(409, "The job has ended without a result"),
    Code.PRECONDITION_REQUIRED: CodeFacts(428, "If-Match has to name the revision that is corrected"),
    Code.STALE_REVISION: CodeFacts(412, "The result has been corrected since"),
    Code.FORBIDDEN_ADDRESS: CodeFacts(400, "Nothing is sent to this address"),
    Code.TOO_MANY_WEBHOOKS: CodeFacts(409, "There are as many webhooks as there may be"),
    Code.WEBHOOK_DISABLED: CodeFacts(409, "The webhook is disabled or deleted"),
    Code.NO_GARMENT: CodeFacts(422, "No garment was found in the picture"),
    Code.CLOTHING_NEEDED: CodeFacts(422, "The request has to say what the picture shows"),
    Code.NO_SCALE: CodeFacts(422, "The picture has no scale"),
    Code.REFERENCES_DISAGREE: CodeFacts(422, "Two references give different scales"),
    Code.NO_FACE: CodeFacts(422, "No face was found in the picture"),
    Code.SEVERAL_FACES: CodeFacts(422, "The picture shows several faces"),
    Code.CHALLENGE_NEEDS_68_POINTS: CodeFacts(409, "This installation measures 5 points of a face, and a challenge needs 68"),
    Code.NO_SPEECH: CodeFacts(422, "The recording holds no speech"),
    Code.IDENTIFY_OFF: CodeFacts(403, "This installation does not search galleries"),
    Code.CONSENT_NEEDED: CodeFacts(400, "Nobody is enrolled without a consent"),
    Code.PERSON_GONE: CodeFacts(410, "The person was erased"),
    Code.PERSON_MERGED: CodeFacts(409, "The person was merged into another"),
    Code.NOT_MERGEABLE: CodeFacts(409, "These two cannot be merged"),
    Code.NOT_SPLITTABLE: CodeFacts(409, "These templates cannot be split off"),
    Code.NOT_UNDOABLE: CodeFacts(409, "The change can no longer be taken back"),
    Code.NOTHING_TO_REJECT: CodeFacts(409, "The job did not answer with this person"),
    Code.NO_TEMPLATE: CodeFacts(409, "Nothing that can be read is stored of this person"),
    Code.INVALID_ARCHIVE: CodeFacts(400, "The archive cannot be read"),
}


def document(code: Code, detail: str, status: int | None = None) -> dict[str, Any]:
    """An RFC 9457 problem document: the body of an error answer and the `error` of a failed job.

    In English, and with `message` where the detail is a sentence with values: `localized` makes of it what a client reads.
    """
    facts = FACTS[code]
    return {
        "type": f"urn:fitsize:problem:{code}",
        "title": facts.title,
        "status": status or facts.status,
        "detail": detail or facts.title,
        "code": str(code),
        "retryable": facts.retryable,
        **message_of(detail),
    }


def warning(code: str, detail: str) -> dict[str, Any]:
    """What a model says beside a result that holds, in the list `warnings` of its result."""
    return {"code": code, "detail": detail, **message_of(detail)}


RETRYABLE = frozenset(str(code) for code, facts in FACTS.items() if facts.retryable or code == Code.WORKER_CRASHED)
"""A job that failed with one of these may be run again: what failed was ours, or an operator may release it."""


class Refused(Exception):
    """A request that cannot be met as things stand, with its code; the view answers a problem document."""

    def __init__(self, code: Code, detail: str = "") -> None:
        self.code = code
        self.detail = detail or FACTS[code].title
        super().__init__(f"{code}: {self.detail}")


class InvalidInput(Exception):
    """An input that can never work, found by the model: the job fails with this code, without retry or traceback."""

    def __init__(self, code: Code | str, detail: str = "") -> None:
        self.code = Code(code)
        self.detail = detail or FACTS[self.code].title
        super().__init__(f"{self.code}: {self.detail}")


class Outdated(Exception):
    """What the model was given has changed while it worked, so that its answer would be wrong: the job is run again."""


class Canceled(Exception):
    """The job was canceled, erased or taken from this worker: stop, the result is not wanted."""
