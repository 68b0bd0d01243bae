"""The real kinds, as web and serializers know them, with a model that needs no package and no weights."""

from __future__ import annotations

from dataclasses import replace

from diarization.kind import KIND as RECORDINGS
from faces.kind import KIND as SELFIES
from keypoints.kind import KIND as GARMENTS

MODEL = "benchmarks.fuzz.model.ExampleModel"
KEYPOINTS = replace(GARMENTS, model=MODEL)
FACES = replace(SELFIES, model=MODEL)
DIARIZATION = replace(RECORDINGS, model=MODEL)
