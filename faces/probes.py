"""What a job saw of the faces that it named: a private file beside its result, sealed under the keys of those it named."""

from __future__ import annotations

import json
from base64 import b64decode
from uuid import UUID

from tasks.models import SavedFile

PROBES = "probes.json"


def probe_of(job: UUID, person: UUID, face: int | None) -> tuple[int, bytes] | None:
    """The number of the face that was given this person's name, and the sealed encoding; None if there is none. Of several the first,
    unless one is asked for."""
    saved = SavedFile.objects.filter(job_id=job, name=PROBES, private=True).first()
    if saved is None:
        return None
    try:
        with saved.open() as file:
            probes = json.load(file)
    except FileNotFoundError:  # its job is being erased
        return None
    for probe in probes:
        if probe["person"] == str(person) and face in (None, probe["face"]):
            return probe["face"], b64decode(probe["sealed"])
    return None
