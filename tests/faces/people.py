"""People for tests, enrolled without a photo or with the astronaut's."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import numpy as np
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from faces.effects import Effects, Enrolled, NewTemplate, on_success
from faces.inference.gallery import ENCODER, Encoding, to_bytes
from faces.models import Person
from faces.photos import mark
from faces.vault import Vault
from fitsize.models import User
from tasks import runs
from tasks.kinds import kinds
from tasks.models import Job
from tasks.sealing import sealed
from tests.faces.pictures import astronaut, file_of

CONSENT = {
    "consent_text": "I agree.",
    "consent_version": "1",
    "consent_purpose": "the door",
    "consent_given_at": "2026-11-01T10:00:00Z",
}
SCOPES = ["faces", "faces:read", "faces:write"]


def anybody(*_: Any) -> None:
    """Whoever they are, they are as expected."""


def numbers(seed: int) -> Encoding:
    """An encoding of unit length, far from every other seed's."""
    drawn = np.random.default_rng(seed).normal(size=128)
    return (drawn / np.linalg.norm(drawn)).astype(np.float32)


def near(encoding: Encoding, distance: float, seed: int = 0) -> Encoding:
    """An encoding so far away."""
    return (encoding + distance * numbers(seed + 1000)).astype(np.float32)


def enrolled(owner: User, *encodings: Encoding, name: str = "Ann", gallery: str = "default", person: Person | None = None) -> Person:
    """Somebody with these templates, written by a job as the worker writes it."""
    parameters = {"gallery": gallery, "name": name, "consent": stored_consent()}
    job = Job.objects.submit(owner_id=owner.pk, kind=kinds()["faces"], operation="enrol", parameters=parameters, uploads={}, units=1.0)
    vault = Vault()
    pk, key = (person.pk, person.key) if person else (uuid4(), vault.make())
    templates = [new_template(pk, vault.key(key), encoding) for encoding in encodings]
    job.effects = Effects(enrolled=[Enrolled(pk, key, templates, None if person else name)])
    Job.objects.filter(pk=job.pk).update(state="succeeded", started_at=timezone.now(), finished_at=timezone.now(), result={})
    with transaction.atomic():  # as the end of a job is
        on_success(job, {})
    return Person.objects.select_related("gallery").get(pk=pk)


def new_template(person: UUID, key: bytes, encoding: Encoding) -> NewTemplate:
    pk = uuid4()
    return NewTemplate(pk, sealed(key, to_bytes(encoding), person, pk), ENCODER, 120.0, mark(pk.hex))


def stored_consent() -> dict[str, str]:
    return {name.removeprefix("consent_"): value for name, value in CONSENT.items()}


def post(client: Client, route: str, **fields: Any) -> Any:
    answer = client.post(reverse(route), fields)
    assert answer.status_code == 202, answer.content
    return answer.json()


def run(client: Client, route: str, **fields: Any) -> Job:
    """The job of a request, run."""
    sent = post(client, route, **fields)
    runs.run_jobs("faces")
    return Job.objects.get(pk=sent["id"])


def enrol_astronaut(client: Client, **fields: Any) -> dict[str, Any]:
    """The result of enrolling one good photo of somebody new."""
    job = run(client, "faces-enrol", **{"photos": [file_of(astronaut())], "name": "Eileen", **CONSENT, **fields})
    assert job.result is not None, job.error
    return dict(job.result)
