"""The kinds as everybody else knows them, with models that are watched."""

from __future__ import annotations

from dataclasses import replace

from diarization.kind import KIND as RECORDINGS
from faces.kind import KIND as SELFIES
from keypoints.kind import KIND as GARMENTS
from tests.fakes.kind import KIND as FAKE

KEYPOINTS = replace(GARMENTS, model="benchmarks.dead_time.watched.garments")
FACES = replace(SELFIES, model="benchmarks.dead_time.watched.selfies")
FAKES = replace(FAKE, model="benchmarks.dead_time.watched.fakes")
DIARIZATION = RECORDINGS
