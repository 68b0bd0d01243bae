"""The WSGI application. Addresses, fields and answers are those of FitSize, so that one client or plan can be sent to both.

The answer to a submit is the ended job, with `timings_ms` as FitSize has them: `queued` is what the request waited for its turn within its
web process, `run` the rest. What it waited for a web process to take it, nobody here knows. There are no keys, no rows and no files.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, BinaryIO

import django
from django.core.files.uploadedfile import UploadedFile
from django.core.handlers.wsgi import WSGIRequest

from benchmarks.blocking import READY, REFUSED
from tasks.errors import InvalidInput
from tasks.inference.model import InferenceModel, Run

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

KINDS = ("keypoints", "faces", "diarization")
Sent = Mapping[str, Any]
Operation = Callable[[Sent], dict[str, Any]]


class Refused(Exception):
    """A request that cannot be used; the text is a code of the API."""


class ProcessDied(Exception):
    """The process of one garment ended without a result; the text is for the log."""


class Shared:
    """A model that a web process holds; only so many of its threads are inside at a time, the others wait, in no order."""

    def __init__(self, model: InferenceModel, at_once: int) -> None:
        self.model = model
        self.turns = threading.Semaphore(at_once)
        model.load()

    def run(self, method: str, **inputs: BinaryIO | int) -> dict[str, Any]:
        arrived = time.perf_counter()
        with self.turns:
            started = time.perf_counter()
            result = getattr(self.model, method)(Run(), **inputs)
        return job(result, started - arrived, time.perf_counter() - started)


def garment(sent: Sent) -> dict[str, Any]:
    """In a process of its own, which this thread waits for."""
    picture, clothing = file(sent, "image").read(), str(sent.get("clothing", ""))
    started = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.blocking.garments", clothing]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said, complaint = process.communicate(picture)
    if process.returncode == REFUSED:
        raise Refused(complaint.decode().split()[-1])
    if process.returncode:
        raise ProcessDied(f"a garment's process ended with {process.returncode}: {complaint.decode()[-500:]}")
    return job(json.loads(said), 0.0, time.perf_counter() - started)


def face_operations(at_once: int, old: bool) -> dict[str, Operation]:
    model = Shared(face_model(old), at_once)
    return {
        "/api/v1/faces/validate": lambda sent: model.run("validate", selfie=file(sent, "selfie")),
        "/api/v1/faces/verify": lambda sent: model.run("verify", selfie=file(sent, "selfie"), reference=file(sent, "reference")),
    }


def face_model(old: bool) -> InferenceModel:
    if old:
        from benchmarks.blocking.selfies import OldFaceModel  # here, as below: who does without a kind does without its packages

        return OldFaceModel()
    from faces.inference.model import FaceModel

    return FaceModel()


def recording_operations() -> dict[str, Operation]:
    from diarization.inference.model import DiarizationModel

    model = Shared(DiarizationModel(), at_once=1)
    return {"/api/v1/diarization": lambda sent: model.run("predict", audio=file(sent, "audio"), **numbers(sent))}


def create(kinds: Collection[str] = KINDS, faces_at_once: int = 1, old_selfies: bool = False) -> WSGIApplication:
    """An application that serves these kinds; called in each web process, it loads what that process has to hold."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fitsize.settings")
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as FitSize's workers, and the processes of garments after them
    django.setup()
    operations: dict[str, Operation] = {}
    if "keypoints" in kinds:
        operations["/api/v1/keypoints"] = garment
    if "faces" in kinds:
        operations |= face_operations(faces_at_once, old_selfies)
    if "diarization" in kinds:
        operations |= recording_operations()

    print(READY, file=sys.stderr, flush=True)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status, document = answer(operations, environ)
        body = json.dumps(document).encode()
        start_response(f"{status} {status.phrase}", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return application


def answer(operations: Mapping[str, Operation], environ: WSGIEnvironment) -> tuple[HTTPStatus, dict[str, Any]]:
    if environ["PATH_INFO"] == "/livez":
        return HTTPStatus.OK, {"status": "alive"}
    operation = operations.get(environ["PATH_INFO"])
    if operation is None or environ["REQUEST_METHOD"] != "POST":
        return HTTPStatus.NOT_FOUND, {"code": "not_found"}
    try:
        return HTTPStatus.OK, operation(fields(environ))
    except (Refused, InvalidInput) as error:
        code = error.code if isinstance(error, InvalidInput) else str(error)
        return HTTPStatus.UNPROCESSABLE_ENTITY, {"state": "failed", "error": {"code": code}}
    except ProcessDied as error:
        print(error, file=sys.stderr, flush=True)
        return HTTPStatus.INTERNAL_SERVER_ERROR, {"state": "failed", "error": {"code": "worker_crashed"}}


def fields(environ: WSGIEnvironment) -> Sent:
    """What a JSON body or a form holds. Raises Refused for a body that is neither."""
    if environ.get("CONTENT_TYPE", "").startswith("multipart/form-data"):
        request = WSGIRequest(environ)
        files = {role: sent.read() for role, sent in request.FILES.items() if isinstance(sent, UploadedFile)}
        return {**request.POST.dict(), **files}
    try:
        found: dict[str, Any] = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    except ValueError:
        raise Refused("invalid_request") from None
    return found


def file(sent: Sent, role: str) -> BinaryIO:
    """A file that was sent as such, or as base64. Raises Refused if there is none."""
    content = sent.get(role)
    if not content:
        raise Refused("invalid_request")
    try:
        return io.BytesIO(content if isinstance(content, bytes) else base64.b64decode(content, validate=True))
    except (binascii.Error, TypeError):
        raise Refused("invalid_base64") from None


def numbers(sent: Sent) -> dict[str, int]:
    return {name: int(sent[name]) for name in ("num_speakers", "min_speakers", "max_speakers") if sent.get(name)}


def job(result: dict[str, Any], queued_seconds: float, run_seconds: float) -> dict[str, Any]:
    """As a job of FitSize that has succeeded."""
    timings = {"queued": round(queued_seconds * 1000), "run": round(run_seconds * 1000)}
    return {"id": str(uuid.uuid4()), "state": "succeeded", "result": result, "error": None, "timings_ms": timings}
