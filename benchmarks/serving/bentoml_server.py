"""The dummy model behind BentoML: `bentoml serve benchmarks.serving.bentoml_server:Dummy`, `SERVING_WORKERS` model processes."""

from __future__ import annotations

import os
from typing import Any

import bentoml

from benchmarks.serving.dummy import burn, is_loaded


@bentoml.service(workers=int(os.environ.get("SERVING_WORKERS", "2")), traffic={"timeout": 120})
class Dummy:
    def __init__(self) -> None:
        is_loaded()

    @bentoml.api
    def predict(self, file: str, milliseconds: float, signal_name: str = "", text: str = "") -> dict[str, Any]:
        return burn(file, milliseconds, signal_name)
