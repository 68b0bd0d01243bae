"""Faces, by a model whose process aborts."""

from __future__ import annotations

from dataclasses import replace

from faces.kind import KIND as FACES

KIND = replace(FACES, model="benchmarks.aborts.model.AbortingModel")
