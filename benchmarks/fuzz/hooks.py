"""What schemathesis is told beside the description: real files, which failures are none, and a line for each answer."""

from __future__ import annotations

import base64
import json
import os
import random
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData

from benchmarks.fuzz.notes import NO_HTTP
from tasks.openapi.samples import ARCHIVE, PICTURE, RECORDING

FILES = {"image": PICTURE, "selfie": PICTURE, "reference": PICTURE, "audio": RECORDING, "photo": PICTURE, "archive": ARCHIVE}
FILES |= {"before": PICTURE, "after": PICTURE}
REAL = 0.8  # of the valid cases' files; the others are bytes that are valid for any description, and no picture or recording
RTTM = f"data:text/x-rttm;base64,{base64.b64encode(b'SPEAKER call 1 0.5 1.25 <NA> <NA> anna <NA> <NA>').decode()}"
OF_FILES = {"invalid_reference", "invalid_base64", "invalid_image", "unsupported_format", "too_large", "invalid_archive"}
OF_PEOPLE = {"name", "person", "reference", "gallery"}  # somebody new or somebody known, a photo or a person
NOT_FILLED_IN: tuple[Any, ...] = ("", b"", [])  # of an empty list nothing is sent
EMPTY = "The file is empty."  # base64 of nothing but spaces, say
SPEAKERS = {"num_speakers", "min_speakers", "max_speakers"}
OF_REFERENCES = {"marker_cm", "square_cm", "corners", "width_cm", "height_cm", "px_per_cm"}  # each belongs to one reference of a garment
OF_REFERENCES |= {"require_scale"}  # and this one to any
NULL = "Null characters are not allowed."
TWICE = "A point is named twice."
notes = open(os.environ["FUZZ_NOTES"], "a", buffering=1)  # noqa: SIM115  # until the process ends


@schemathesis.hook
def map_case(context: Any, case: Any) -> Any:
    """Files that are files, and JSON that can be written."""
    if case.media_type == "application/json" and isinstance(case.body, (dict, list)):
        case.body = without_bytes(case.body)
    if isinstance(case.body, dict) and case.meta is not None and case.meta.generation.mode.is_positive:
        files = files_of(case.body)
        for name in files.keys() & case.body.keys():
            if random.random() < REAL:  # hypothesis seeds it
                case.body[name] = files[name] if isinstance(case.body[name], str) else content(files[name])
    return case


def without_bytes(value: Any) -> Any:
    """schemathesis puts bytes where it wants to break a part of JSON, and then fails to write it."""
    if isinstance(value, dict):
        return {name: without_bytes(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_bytes(inner) for inner in value]
    return value.decode("latin1") if isinstance(value, bytes) else value


def files_of(body: dict[str, Any]) -> dict[str, str]:
    """A garment's `reference` is a word, a recording's a text."""
    if "image" in body:
        return {"image": PICTURE}
    return FILES | {"reference": RTTM} if "audio" in body else FILES


def content(file: str) -> bytes:
    return base64.b64decode(file.partition(",")[2])


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Which operation answered how, and which job it accepted."""
    accepted = case.operation.definition.raw["operationId"].startswith("submit") and response.status_code in (200, 202)
    job = response.json()["id"] if accepted else None
    notes.write(json.dumps({"operation": case.operation.label, "status": response.status_code, "accepted": job}) + "\n")


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """False for what is no failure."""
    reason = pardon(failure, case, response)
    if reason:
        notes.write(json.dumps({"pardoned": reason}) + "\n")
    return not reason


def empty_in_a_form(case: Any) -> bool:
    """Or no form at all: bytes between its boundaries that are under no name."""
    if case.media_type != "multipart/form-data":
        return False
    return not isinstance(case.body, dict) or any(value in NOT_FILLED_IN for value in case.body.values())


def pardon(failure: Any, case: Any, response: Any) -> str:
    if response.content == NO_HTTP:
        return "bytes that are no HTTP get the server's own answer (docs/api.md, Errors)"
    if isinstance(failure, AcceptedNegativeData) and empty_in_a_form(case):
        return "a field of a form that was not filled in is one that was not sent"
    if not isinstance(failure, RejectedPositiveData) or response.status_code not in (400, 413):
        return ""
    errors = response.json().get("errors", [])
    if any(error["field"].startswith(tuple(FILES)) and (error["code"] in OF_FILES or error["detail"] == EMPTY) for error in errors):
        return "no description can say what a picture or a recording is"
    if any(error["code"] == "forbidden_address" for error in errors):
        return "nor that an address is public"
    if any(error["code"] == "consent_needed" or error["field"] == "consent_given_at" for error in errors):
        return "nor that a consent is whole, and not of tomorrow"
    if any(error["detail"] == NULL for error in errors):
        return "nor that a text holds no null character"
    if errors and "/faces/" in case.path and all(error["field"] in OF_PEOPLE for error in errors):
        return "nor which of two fields says who is meant"
    if errors and all(error["field"] in SPEAKERS for error in errors):
        return "nor that one number is not above another, and that separate channels go without"
    if case.path.endswith("/corrections") or (case.path.endswith("/points") and not any(error["field"] for error in errors)):
        return "nor of which kind a job is, and what is in its result"
    if errors and all(error["field"] in OF_REFERENCES for error in errors):
        return "nor which fields go with which reference, as a form would have it"
    if any(error["detail"] == TWICE for error in errors):
        return "nor that names differ within a list of objects"
    return ""
