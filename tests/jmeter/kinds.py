"""The real kinds, as web and serializers know them, with models that need no weights."""

from __future__ import annotations

from dataclasses import replace

from diarization.kind import KIND as RECORDINGS
from faces.kind import KIND as SELFIES
from keypoints.kind import KIND as GARMENTS

EXAMPLE = "tests.jmeter.models.ExampleModel"
KEYPOINTS, FACES, DIARIZATION = (replace(kind, model=EXAMPLE) for kind in (GARMENTS, SELFIES, RECORDINGS))
BROKEN = replace(GARMENTS, model="tests.jmeter.models.BrokenModel")
KINDS = ",".join(f"tests.jmeter.kinds.{name}" for name in ("KEYPOINTS", "FACES", "DIARIZATION"))
