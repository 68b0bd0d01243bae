"""A client of FitSize in one file, to copy into your program. It needs Python 3.10 and httpx, nothing of FitSize.

    fitsize = FitSize("http://127.0.0.1:8000", key="fitsize_...")
    job = fitsize.run("faces/validate", files={"selfie": "me.jpg"})
    print(job["result"]["verdict"])

`submit` may be interrupted at any moment and is repeated with the same Idempotency-Key, so that an answer that was lost on its way never
makes a second job. `verified` checks a webhook.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

LONGEST_WAIT_SECONDS = 30
ENDED = ("succeeded", "failed", "canceled", "expired")
ATTEMPTS = 6
TOLERANCE_SECONDS = 300


class Refused(Exception):
    """An answer that is an error: `code` is for programs, `detail` for people, `errors` says which field."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        self.status = status
        self.code = str(document.get("code", "unknown"))
        self.detail = str(document.get("detail", ""))
        self.errors = document.get("errors", [])
        super().__init__(f"{status} {self.code}: {self.detail}")


class JobFailed(Exception):
    """The job ended, and not with a success; `job` is the whole of it."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        error = job.get("error") or {}
        super().__init__(f"{job['state']}: {error.get('code', '')} {error.get('detail', '')}".strip())


class FitSize:
    def __init__(self, address: str, key: str, language: str = "en") -> None:
        headers = {"Authorization": f"Bearer {key}", "Accept-Language": language}
        self.http = httpx.Client(base_url=address, headers=headers, timeout=LONGEST_WAIT_SECONDS + 30)

    def __enter__(self) -> FitSize:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def run(self, operation: str, files: Mapping[str, str | Path | bytes], patience: float = 600, **fields: Any) -> dict[str, Any]:
        """Submit, wait, and answer the job. Raises Refused, JobFailed, TimeoutError."""
        job = self.wait(self.submit(operation, files, wait=20, **fields), patience)
        if job["state"] != "succeeded":
            raise JobFailed(job)
        return job

    def submit(
        self,
        operation: str,
        files: Mapping[str, str | Path | bytes],
        wait: int = 0,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """The job, as it is after `wait` seconds at most. `operation`: keypoints, faces/validate, faces/verify, diarization.

        Raises Refused, or httpx.TransportError once all attempts are used up.
        """
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        content = {role: file if isinstance(file, bytes) else Path(file).read_bytes() for role, file in files.items()}
        data = {name: str(value) for name, value in fields.items()}
        parts = {role: (role, file) for role, file in content.items()}
        job: dict[str, Any] = self.ask("POST", f"/api/v1/{operation}", headers=headers, data=data, files=parts).json()
        return job

    def wait(self, job: dict[str, Any], patience: float = 600) -> dict[str, Any]:
        """The job once it has ended: the service holds each question until then, for half a minute at most. Raises TimeoutError."""
        end = time.monotonic() + patience
        while job["state"] not in ENDED:
            if time.monotonic() > end:
                raise TimeoutError(f"job {job['id']} is still {job['state']}")
            job = self.ask("GET", job["links"]["self"], params={"wait": LONGEST_WAIT_SECONDS}).json()
        return job

    def jobs(self, **filters: str) -> Iterator[dict[str, Any]]:
        """One's own jobs, newest first; filters such as state="failed,canceled", kind="faces"."""
        address, query = "/api/v1/jobs", filters
        while address:
            page = self.ask("GET", address, params=query or None).json()
            yield from page["results"]
            address, query = page["next"], {}

    def retry(self, job: dict[str, Any]) -> dict[str, Any]:
        """The same job, queued again; only for what failed on the service's side."""
        again: dict[str, Any] = self.ask("POST", job["links"]["retry"]).json()
        return again

    def cancel(self, job: dict[str, Any]) -> dict[str, Any]:
        canceled: dict[str, Any] = self.ask("POST", job["links"]["cancel"]).json()
        return canceled

    def erase(self, job: dict[str, Any]) -> None:
        """What was sent and what was found are gone when this returns."""
        self.ask("DELETE", job["links"]["self"])

    def download(self, file: dict[str, Any]) -> bytes:
        """A file that the model saved: one of `job["files"]`."""
        return self.ask("GET", file["url"]).content

    def ask(self, method: str, address: str, **request: Any) -> httpx.Response:
        """One request, repeated while the network or the service says "later". Safe for a submit: its Idempotency-Key stays the same."""
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                answer = self.http.request(method, address, **request)
            except httpx.TransportError:
                if last:
                    raise
                time.sleep(pause(attempt))
                continue
            if answer.status_code in (429, 502, 503, 504) and not last:
                time.sleep(seconds_until_later(answer, attempt))
                continue
            if answer.is_error:
                raise Refused(answer.status_code, problem_of(answer))
            return answer
        raise AssertionError("the last attempt returns or raises")


def pause(attempt: int) -> float:
    """Seconds: longer each time, and never the same for two clients."""
    return random.uniform(0.5, 1.0) * 2**attempt  # noqa: S311 (nothing secret)


def seconds_until_later(answer: httpx.Response, attempt: int) -> float:
    said = answer.headers.get("Retry-After", "")
    return float(said) if said.isdigit() else pause(attempt)


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    if answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        document: dict[str, Any] = answer.json()
        return document
    return {"detail": answer.text[:200]}


class NotFromFitSize(Exception):
    """A webhook whose signature or time is wrong: answer it with 400 and do nothing."""


def verified(headers: Mapping[str, str], body: bytes, secret: str, now: float | None = None) -> dict[str, Any]:
    """What a webhook says, if it was signed with this secret (`whsec_...`) within five minutes. Raises NotFromFitSize.

    Standard Webhooks 1.0.0. `headers` by lower-case names; `body` exactly as it came. A delivery may come twice: `webhook-id` is the same.
    """
    try:
        message, timestamp, signatures = (headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        age = abs((time.time() if now is None else now) - int(timestamp))
        key = base64.b64decode(secret.removeprefix("whsec_"))
    except (KeyError, ValueError):
        raise NotFromFitSize("no Standard Webhooks headers, or no secret") from None
    if age > TOLERANCE_SECONDS:
        raise NotFromFitSize("too old, or from the future: a recorded message?")
    wanted = base64.b64encode(hmac.digest(key, f"{message}.{timestamp}.".encode() + body, hashlib.sha256)).decode()
    if not any(hmac.compare_digest(f"v1,{wanted}".encode(), signature.encode()) for signature in signatures.split()):
        raise NotFromFitSize("another signature")
    event: dict[str, Any] = json.loads(body)
    return event
